// The sample hello with one more path, /gc, which says what the runtime has allocated since it started.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Threading.Tasks;
using Hello;
using Owin;

namespace Counted
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    public sealed class Startup
    {
        public void Configuration(IAppBuilder app)
        {
            app.Use(new Func<AppFunc, AppFunc>(next => environment =>
                (string)environment["owin.RequestPath"] == "/gc" ? Report(environment) : next(environment)));
            app.Use(new HelloModule());
        }

        private static Task Report(IDictionary<string, object> environment)
        {
            var text = Encoding.ASCII.GetBytes(GC.GetTotalAllocatedBytes(true).ToString(CultureInfo.InvariantCulture));
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(text, 0, text.Length);
        }
    }
}
