// Shows what an application finds around it (surroundings_test.py).
using System;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading.Tasks;
using Owin;

namespace Surroundings
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
        public void Configuration(IAppBuilder app)
        {
            string text = $"entry: {Assembly.GetEntryAssembly()?.GetName().Name}\n"
                + $"base: {AppContext.BaseDirectory}\n"
                + $"dependencies: {((string)AppContext.GetData("APP_CONTEXT_DEPS_FILES")).Split(';')[0]}\n"
                + $"setting: {Setting("greeting")}\n";
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            app.Use(new Func<AppFunc, AppFunc>(_ => environment =>
                ((Stream)environment["owin.ResponseBody"]).WriteAsync(bytes, 0, bytes.Length)));
        }

        // As an assembly of .NET Framework asks for it: by the facade System.Configuration.
        private static string Setting(string name)
        {
            Type manager = Assembly.Load("System.Configuration, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a")
                .GetType("System.Configuration.ConfigurationManager", throwOnError: false);
            return ((NameValueCollection)manager?.GetProperty("AppSettings")?.GetValue(null))?[name] ?? "none";
        }
    }
}
