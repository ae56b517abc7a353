// Shows what an application finds around it (surroundings_test.py). Goes to its own folder first, as programs do that were
// services of Windows.
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
            Directory.SetCurrentDirectory(AppContext.BaseDirectory);
            var provider = (Func<string[], Tuple<Func<byte[], byte[]>, Func<byte[], byte[]>>>)
                app.Properties["security.DataProtectionProvider"];
            Func<byte[], byte[]> protect = provider(new[] { "Surroundings" }).Item1;
            string text = $"entry: {Assembly.GetEntryAssembly()?.GetName().Name}\n"
                + $"base: {AppContext.BaseDirectory}\n"
                + $"dependencies: {((string)AppContext.GetData("APP_CONTEXT_DEPS_FILES")).Split(';')[0]}\n"
                + $"setting: {Setting("greeting")}\n";
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            app.Use(new Func<AppFunc, AppFunc>(_ => environment =>
            {
                if ((string)environment["owin.RequestPath"] == "/protect")
                {
                    protect(bytes);
                }

                return ((Stream)environment["owin.ResponseBody"]).WriteAsync(bytes, 0, bytes.Length);
            }));
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
