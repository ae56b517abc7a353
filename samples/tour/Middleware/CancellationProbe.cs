using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Middleware
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Counts, for each path, how often owin.CallCancelled fired before the request was over.</summary>
    public sealed class CancellationProbe
    {
        private static readonly ConcurrentDictionary<string, int> Fired = new ConcurrentDictionary<string, int>();

        private AppFunc next_;

        public void Initialize(AppFunc next) => next_ = next;

        public async Task Invoke(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var path = context.Path;
            var cancelled = context.CallCancelled;
            var counted = 0;

            // Once a request, whichever comes first: the token calls back last registered first, so what waits behind this
            // middleware may end, and take this registration away, before its turn has come.
            void Count()
            {
                if (Interlocked.Exchange(ref counted, 1) == 0)
                {
                    Fired.AddOrUpdate(path, 1, (_, count) => count + 1);
                }
            }

            using (cancelled.Register(Count))
            {
                try
                {
                    await next_(environment);
                }
                finally
                {
                    if (cancelled.IsCancellationRequested)
                    {
                        Count();
                    }
                }
            }
        }

        /// <summary>GET /cancelled: one line `PATH COUNT` for each path; with ?path=/x only the number of that one.</summary>
        public static Task Show(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var path = context.Query("path");
            if (path != null)
            {
                return context.WriteText(Fired.TryGetValue(path, out var count) ? count.ToString() : "0");
            }

            return context.WriteText(string.Concat(Fired.OrderBy(pair => pair.Key).Select(pair => pair.Key + " " + pair.Value + "\n")));
        }
    }
}
