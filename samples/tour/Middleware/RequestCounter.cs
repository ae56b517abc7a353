using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Middleware
{
    /// <summary>Counts the requests. It has no `next`: an instance whose Invoke takes the environment only is awaited, and
    /// then the rest of the pipeline runs.</summary>
    public sealed class RequestCounter
    {
        private static long count_;

        public Task Invoke(IDictionary<string, object> environment)
        {
            environment["tour.RequestNumber"] = Interlocked.Increment(ref count_);
            return Task.CompletedTask;
        }

        /// <summary>GET /count: the number of this request.</summary>
        public static Task Show(IDictionary<string, object> environment) =>
            new Context(environment).WriteText(environment["tour.RequestNumber"].ToString());
    }
}
