// Tour: what an OWIN application can do, one small file for each thing. Middleware/ holds what wraps other middleware,
// in each of the forms that IAppBuilder.Use takes; Endpoints/ holds what answers, one class for a group of paths.
// Nothing but the base class library is used, so every line that touches OWIN is here to be read.
//
//     owind serve Tour.dll --listen fcgi://unix:/tmp/tour.sock
//
// GET / lists the paths.
using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owin;
using Tour.Endpoints;
using Tour.Middleware;

namespace Tour
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    public sealed class Startup
    {
        public void Configuration(IAppBuilder app)
        {
            // A delegate that takes the next application and returns one.
            app.Use(new Func<AppFunc, AppFunc>(next => environment =>
            {
                new Context(environment).ResponseHeaders["X-Served-By"] = new[] { "tour" };
                return next(environment);
            }));

            // A type: its constructor takes the next application, then the arguments.
            app.Use(typeof(ChainMark), "outer");
            app.Use(typeof(ChainMark), "inner");

            // An instance: Initialize takes the next application, Invoke answers.
            app.Use(new CancellationProbe());

            // An instance whose Invoke takes the environment only: awaited, then the rest of the pipeline runs.
            app.Use(new RequestCounter());

            app.Use(typeof(Authorizer));

            app.Use(typeof(Mount), "/mounted", new AppFunc(EnvironmentDump.Show));

            app.Use(typeof(Routes), new Dictionary<string, AppFunc>
            {
                ["/sha256"] = Bodies.Sha256,
                ["/drain"] = Bodies.Drain,
                ["/progress"] = Bodies.Progress,
                ["/echo"] = Bodies.EchoCollected,
                ["/echo/stream"] = Bodies.EchoStreaming,
                ["/download"] = Downloads.Numbered,
                ["/big"] = Downloads.Big,
                ["/file"] = Downloads.FromFile,
                ["/sync"] = Synchronous.Echo,
                ["/sync/result"] = Synchronous.EchoByResult,
                ["/events"] = Events.Stream,
                ["/delay"] = Delays.Await,
                ["/block"] = Delays.Block,
                ["/gate/wait"] = Gates.Wait,
                ["/gate/block"] = Gates.Block,
                ["/gate/open"] = Gates.Open,
                ["/gate/count"] = Gates.Count,
                ["/never"] = Never.BeforeHead,
                ["/never/after-head"] = Never.AfterHead,
                ["/error/before"] = Errors.Before,
                ["/error/task"] = Errors.InTask,
                ["/error/cancelled"] = Errors.CancelledTask,
                ["/error/null"] = Errors.NullTask,
                ["/error/after"] = Errors.After,
                ["/error/short"] = Errors.FewerBytesThanPromised,
                ["/error/long"] = Errors.MoreBytesThanPromised,
                ["/error/header"] = Errors.ForbiddenHeader,
                ["/error/large-head"] = Errors.LargeHead,
                ["/headers"] = Headers.Show,
                ["/headers/set"] = Headers.Set,
                ["/cookies"] = Headers.Cookies,
                ["/status"] = Status.Any,
                ["/sending"] = SendingHeaders.Order,
                ["/environment"] = EnvironmentDump.Show,
                ["/cancelled"] = CancellationProbe.Show,
                ["/count"] = RequestCounter.Show,
                ["/gc"] = Memory.Show,
            });

            // What nobody has answered. (Without this line the end of the pipeline is builder.DefaultApp: a 404 without a body.)
            app.Use(new Func<AppFunc, AppFunc>(_ => environment =>
            {
                var context = new Context(environment) { StatusCode = 404 };
                return context.WriteText("nothing here\n");
            }));
        }
    }
}
