using System;
using System.Collections.Generic;
using System.Text;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>server.OnSendingHeaders: the last chance to change the head, last registered first.</summary>
    public static class SendingHeaders
    {
        /// <summary>GET /sending: X-Order shows the order in which three callbacks ran; the body says what a registration
        /// after the head meets with.</summary>
        public static async Task Order(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var headers = context.ResponseHeaders;
            var register = (Action<Action<object>, object>)environment["server.OnSendingHeaders"];
            foreach (var name in new[] { "first", "second", "third" })
            {
                register(state => headers["X-Order"] = new[] { (headers.TryGetValue("X-Order", out var so) ? so[0] + " " : "") + state }, name);
            }

            context.SetHeader("Content-Type", "text/plain");
            var begun = Encoding.ASCII.GetBytes("late registration: ");
            await context.ResponseBody.WriteAsync(begun, 0, begun.Length);
            var outcome = "accepted";
            try
            {
                register(_ => { }, null);
            }
            catch (InvalidOperationException)
            {
                outcome = "InvalidOperationException";
            }

            var rest = Encoding.ASCII.GetBytes(outcome);
            await context.ResponseBody.WriteAsync(rest, 0, rest.Length);
        }
    }
}
