using System.Collections.Generic;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Any status.</summary>
    public static class Status
    {
        /// <summary>GET /status?code=N[&amp;reason=TEXT][&amp;body=TEXT][&amp;location=URI]: answers so. A body is written even
        /// where HTTP has none (204, 304): the server has to swallow it.</summary>
        public static Task Any(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.StatusCode = (int)context.Query("code", 200);
            if (context.Query("reason") is string reason)
            {
                context.ReasonPhrase = reason;
            }

            if (context.Query("location") is string location)
            {
                context.SetHeader("Location", location);
            }

            return context.Query("body") is string body ? context.WriteText(body) : Task.CompletedTask;
        }
    }
}
