// Katana-style: how applications for Katana are put together, without its packages. Context.cs and ContextMiddleware.cs
// stand for what those packages bring: typed access to the environment, and middleware that is a class over it;
// Conversions.cs teaches the builder to mix such classes with plain OWIN delegates; MapExtensions.cs makes branches. The
// rest is an application.
//
//     owind serve KatanaStyle.dll --listen fcgi://unix:/tmp/katana-style.sock
//
// GET / lists the paths.
using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using KatanaStyle;
using Owin;

// Found by this attribute: the class need not be called Startup.
[assembly: OwinStartup(typeof(Startup), "Setup")]

namespace KatanaStyle
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    public sealed class Startup
    {
        public void Setup(IAppBuilder app)
        {
            Conversions.Register(app);
            SayGoodbye(app.Properties);

            // A class over the context, given as a type: its constructor gets the next one, and arguments.
            app.Use(typeof(ResponseTime), "X-Milliseconds");

            // An instance with Initialize(next, …), which is the application itself afterwards.
            app.Use(new Failures(), "text/plain");

            // An instance with Invoke(next, …), which makes the application.
            app.Use(new Signature(), "katana-style");

            // A plain OWIN delegate between the classes: the builder converts on both sides.
            app.Use(new Func<AppFunc, AppFunc>(next => environment =>
            {
                environment["katana-style.Seen"] = true;
                return next(environment);
            }));

            app.Map("/notes", notes => notes.Use(typeof(Notes), app.Properties));
            app.Map("/broken", broken => broken.Run(_ => throw new InvalidOperationException("this path always fails")));
            app.MapWhen(context => context.Method == "OPTIONS", options => options.Run(context =>
            {
                context.ResponseHeaders["Allow"] = new[] { "GET, HEAD, POST, OPTIONS" };
                return Task.CompletedTask;
            }));
            app.Run(context => context.Path == "/"
                ? context.WriteAsync("/notes        GET shows the note in your cookie, POST replaces it\n/broken       fails\n")
                : context.NotFoundAsync());
        }

        private static void SayGoodbye(IDictionary<string, object> properties)
        {
            var trace = (TextWriter)properties["host.TraceOutput"];
            ((CancellationToken)properties["host.OnAppDisposing"]).Register(
                () => trace.WriteLine("katana-style: no request is running any more"));
        }
    }
}
