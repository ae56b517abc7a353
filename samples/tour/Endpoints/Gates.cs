using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Named gates at which a request waits until another one opens them: events in a fixed order, without a guess
    /// about time. Opening lets exactly one waiter through, now or later.</summary>
    public static class Gates
    {
        private static readonly ConcurrentDictionary<string, SemaphoreSlim> All = new ConcurrentDictionary<string, SemaphoreSlim>();
        private static readonly ConcurrentDictionary<string, int> Waiting = new ConcurrentDictionary<string, int>();

        /// <summary>Completes when the gate is opened once for this caller.</summary>
        public static async Task Pass(string name, CancellationToken cancelled)
        {
            Waiting.AddOrUpdate(name, 1, (_, count) => count + 1);
            try
            {
                await Gate(name).WaitAsync(cancelled);
            }
            finally
            {
                Waiting.AddOrUpdate(name, 0, (_, count) => count - 1);
            }
        }

        /// <summary>GET /gate/wait?name=X: answers when the gate opens; the thread is free meanwhile.</summary>
        public static async Task Wait(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            await Pass(context.Query("name") ?? "", context.CallCancelled);
            await context.WriteText("passed");
        }

        /// <summary>GET /gate/block?name=X: the same, keeping its thread.</summary>
        public static Task Block(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            Pass(context.Query("name") ?? "", context.CallCancelled).GetAwaiter().GetResult();
            return context.WriteText("passed");
        }

        /// <summary>GET /gate/open?name=X[&amp;times=N]: lets N (1) waiters through.</summary>
        public static Task Open(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            Gate(context.Query("name") ?? "").Release((int)context.Query("times", 1));
            return context.WriteText("opened");
        }

        /// <summary>GET /gate/count?name=X: how many wait at the gate.</summary>
        public static Task Count(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            return context.WriteText(Waiting.TryGetValue(context.Query("name") ?? "", out var count) ? count.ToString() : "0");
        }

        private static SemaphoreSlim Gate(string name) => All.GetOrAdd(name, _ => new SemaphoreSlim(0));
    }
}
