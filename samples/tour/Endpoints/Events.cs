using System;
using System.Collections.Generic;
using System.Text;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Server-sent events.</summary>
    public static class Events
    {
        /// <summary>GET /events?count=N[&amp;ms=M][&amp;gate=NAME]: N events. Before each but the first it waits M
        /// milliseconds (100), or, with a gate, until GET /gate/open?name=NAME was asked once more.</summary>
        public static async Task Stream(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var count = context.Query("count", 3);
            var milliseconds = (int)context.Query("ms", 100);
            var gate = context.Query("gate");
            context.SetHeader("Content-Type", "text/event-stream");
            context.SetHeader("Cache-Control", "no-cache");

            // Asks every server on the way to hand each write on at once.
            if (environment.TryGetValue("server.DisableResponseBuffering", out var disable))
            {
                ((Action)disable)();
            }

            for (var i = 1; i <= count; ++i)
            {
                if (i > 1)
                {
                    await (gate == null
                        ? Task.Delay(milliseconds, context.CallCancelled)
                        : Gates.Pass(gate, context.CallCancelled));
                }

                var text = Encoding.UTF8.GetBytes("id: " + i + "\ndata: event " + i + "\n\n");
                await context.ResponseBody.WriteAsync(text, 0, text.Length);
                await context.ResponseBody.FlushAsync();
            }
        }
    }
}
