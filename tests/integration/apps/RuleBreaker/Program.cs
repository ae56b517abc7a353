// Breaks one rule of OWIN for each path (validate_test.py).
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading.Tasks;
using Owin;

namespace RuleBreaker
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    public static class Program
    {
        public static void Main()
        {
        }
    }

    public sealed class Startup
    {
        public void Configuration(IAppBuilder app) => app.Use(typeof(BadPath)).Use(typeof(End));
    }

    public sealed class BadPath
    {
        private readonly AppFunc _next;

        public BadPath(AppFunc next)
        {
            _next = next;
        }

        public Task Invoke(IDictionary<string, object> environment)
        {
            switch ((string)environment["owin.RequestPath"])
            {
                case "/path":
                    environment["owin.RequestPath"] = "path";
                    break;
                case "/missing":
                    environment.Remove("owin.RequestBody");
                    break;
            }

            return _next(environment);
        }
    }

    public sealed class End
    {
        public End(AppFunc next)
        {
        }

        public Task Invoke(IDictionary<string, object> environment) =>
            (string)environment["owin.RequestPath"] == "/null" ? null : Answer(environment);

        private static async Task Answer(IDictionary<string, object> environment)
        {
            var headers = (IDictionary<string, string[]>)environment["owin.ResponseHeaders"];
            var body = (Stream)environment["owin.ResponseBody"];
            byte[] text = Encoding.ASCII.GetBytes("well");
            switch ((string)environment["owin.RequestPath"])
            {
                case "/status":
                    environment["owin.ResponseStatusCode"] = 100;
                    break;
                case "/header":
                    headers["X Y"] = new[] { "1" };
                    break;
                case "/late":
                    await body.WriteAsync(text, 0, text.Length);
                    environment.Remove("owin.RequestBody");
                    return;
                case "/close":
                    await body.WriteAsync(text, 0, text.Length);
                    body.Close();
                    return;
            }

            await body.WriteAsync(text, 0, text.Length);
        }
    }
}
