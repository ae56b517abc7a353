using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>What the runtime spends.</summary>
    public static class Memory
    {
        /// <summary>GET /gc[?collect=yes]: counters as `name value` lines; with collect=yes after a full collection.</summary>
        public static Task Show(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            if (context.Query("collect") == "yes")
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                GC.Collect();
            }

            return context.WriteText(
                "allocated " + GC.GetTotalAllocatedBytes(true) + "\n" +
                "heap " + GC.GetTotalMemory(false) + "\n" +
                "resident " + Environment.WorkingSet + "\n" +
                "collections " + GC.CollectionCount(0) + " " + GC.CollectionCount(1) + " " + GC.CollectionCount(2) + "\n" +
                "pool-threads " + ThreadPool.ThreadCount + "\n");
        }
    }
}
