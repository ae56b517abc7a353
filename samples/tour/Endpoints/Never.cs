using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Text;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Requests that an application forgets: their Task never ends, not even when owin.CallCancelled fires.</summary>
    public static class Never
    {
        // Held for ever, as a forgotten callback would hold it.
        private static readonly ConcurrentBag<TaskCompletionSource<bool>> Forgotten = new ConcurrentBag<TaskCompletionSource<bool>>();

        /// <summary>GET /never: no head, no end.</summary>
        public static Task BeforeHead(IDictionary<string, object> environment)
        {
            var source = new TaskCompletionSource<bool>();
            Forgotten.Add(source);
            return source.Task;
        }

        /// <summary>GET /never/after-head: a head and five bytes, no end.</summary>
        public static async Task AfterHead(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            await context.ResponseBody.WriteAsync(Encoding.ASCII.GetBytes("begun"), 0, 5);
            await BeforeHead(environment);
        }
    }
}
