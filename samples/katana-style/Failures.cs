using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace KatanaStyle
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Turns exceptions into a page of the application's own. An instance: the builder calls Initialize with the
    /// next application and the arguments of Use, and Invoke for each request.</summary>
    public sealed class Failures
    {
        private AppFunc _next;
        private string _contentType;

        public void Initialize(AppFunc next, string contentType)
        {
            _next = next;
            _contentType = contentType;
        }

        public async Task Invoke(IDictionary<string, object> environment)
        {
            try
            {
                await _next(environment);
            }
            catch (InvalidOperationException exception)
            {
                // Fails in its turn, and is the server's to handle, when the response has begun.
                var context = new Context(environment) { StatusCode = 503 };
                context.ResponseHeaders["Content-Type"] = new[] { _contentType };
                await context.WriteAsync($"sorry: {exception.Message}\n");
            }
        }
    }
}
