// The sample hello with two more paths: /gc says what the runtime has allocated since it started, /block keeps its thread
// for ten milliseconds and then answers as hello does.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Hello;
using Owin;

namespace Figures
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    public sealed class Startup
    {
        public void Configuration(IAppBuilder app)
        {
            app.Use(new Func<AppFunc, AppFunc>(next => environment =>
            {
                switch ((string)environment["owin.RequestPath"])
                {
                    case "/gc":
                        return Report(environment);
                    case "/block":
                        Thread.Sleep(10);
                        return next(environment);
                    default:
                        return next(environment);
                }
            }));
            app.Use(new HelloModule());
        }

        private static Task Report(IDictionary<string, object> environment)
        {
            var text = Encoding.ASCII.GetBytes(GC.GetTotalAllocatedBytes(true).ToString(CultureInfo.InvariantCulture));
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(text, 0, text.Length);
        }
    }
}
