using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Slow handlers: one that awaits, and one that keeps its thread.</summary>
    public static class Delays
    {
        /// <summary>GET /delay?ms=N: answers after N milliseconds.</summary>
        public static async Task Await(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            await Task.Delay((int)context.Query("ms", 10), context.CallCancelled);
            await context.WriteText("delayed");
        }

        /// <summary>GET /block?ms=N: sleeps N milliseconds on the thread that it was called on, then answers.</summary>
        public static Task Block(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            Thread.Sleep((int)context.Query("ms", 10));
            return context.WriteText("blocked");
        }
    }
}
