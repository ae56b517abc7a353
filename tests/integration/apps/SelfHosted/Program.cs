// A program that starts its server itself, by the steps of Katana's hosting: the server's name from OWIN_SERVER, the
// factory by name and shape, Initialize, Create, and a console that ends it.
using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace SelfHosted
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    public static class Program
    {
        public static int Main()
        {
            string server = Environment.GetEnvironmentVariable("OWIN_SERVER");
            Type factory = Assembly.Load(server).GetType(server + ".OwinServerFactory", throwOnError: true);
            var properties = new Dictionary<string, object>(StringComparer.Ordinal);
            factory.GetMethod("Initialize").Invoke(null, new object[] { properties });
            var disposing = (CancellationToken)properties["host.OnAppDisposing"];
            using (disposing.Register(() => Console.Error.WriteLine("self-hosted: disposing")))
            using ((IDisposable)factory.GetMethod("Create").Invoke(null, new object[] { new AppFunc(Answer), properties }))
            {
                Console.ReadLine();
            }

            Console.Error.WriteLine("self-hosted: behind its server");
            return 0;
        }

        private static Task Answer(IDictionary<string, object> environment)
        {
            byte[] text = Encoding.UTF8.GetBytes("self-hosted " + environment["owin.RequestPath"]);
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(text, 0, text.Length);
        }
    }
}
