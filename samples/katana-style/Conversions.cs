using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owin;

namespace KatanaStyle
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>What makes classes and delegates neighbours in one pipeline: a conversion in each direction, which the
    /// builder applies where two neighbours differ.</summary>
    public static class Conversions
    {
        public static void Register(IAppBuilder app)
        {
            var add = (Action<Delegate>)app.Properties["builder.AddSignatureConversion"];
            add(new Func<AppFunc, ContextMiddleware>(application => new Application(application)));
            add(new Func<ContextMiddleware, AppFunc>(
                middleware => environment => middleware.Invoke(new Context(environment))));
        }

        /// <summary>A delegate as a class: the end of the pipeline, seen from the class before it.</summary>
        private sealed class Application : ContextMiddleware
        {
            private readonly AppFunc _application;

            public Application(AppFunc application)
                : base(null)
            {
                _application = application;
            }

            public override Task Invoke(Context context) => _application(context.Environment);
        }
    }
}
