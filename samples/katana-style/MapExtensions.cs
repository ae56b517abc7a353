using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owin;

namespace KatanaStyle
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Branches and ends of a pipeline, over IAppBuilder's New, Build and Use.</summary>
    public static class MapExtensions
    {
        /// <summary>Everything at and below a path goes into a branch, which sees that path as its base (OWIN 1.0.1 §5.3).</summary>
        public static IAppBuilder Map(this IAppBuilder app, string path, Action<IAppBuilder> configure)
        {
            if (path.Length == 0 || path[0] != '/' || path[path.Length - 1] == '/')
            {
                throw new ArgumentException("A path starts with a slash, and does not end with one.", nameof(path));
            }

            return app.Use(typeof(MapMiddleware), path, Branch(app, configure));
        }

        /// <summary>Requests that a condition holds for go into a branch.</summary>
        public static IAppBuilder MapWhen(this IAppBuilder app, Func<Context, bool> condition, Action<IAppBuilder> configure)
        {
            AppFunc branch = Branch(app, configure);
            return app.Use(new Func<AppFunc, AppFunc>(
                next => environment => condition(new Context(environment)) ? branch(environment) : next(environment)));
        }

        /// <summary>The end of a pipeline.</summary>
        public static void Run(this IAppBuilder app, Func<Context, Task> handler) =>
            app.Use(new Func<AppFunc, AppFunc>(_ => environment => handler(new Context(environment))));

        private static AppFunc Branch(IAppBuilder app, Action<IAppBuilder> configure)
        {
            IAppBuilder branch = app.New();
            configure(branch);
            return (AppFunc)branch.Build(typeof(AppFunc));
        }

        private sealed class MapMiddleware : ContextMiddleware
        {
            private readonly string _path;
            private readonly AppFunc _branch;

            public MapMiddleware(ContextMiddleware next, string path, AppFunc branch)
                : base(next)
            {
                _path = path;
                _branch = branch;
            }

            public override async Task Invoke(Context context)
            {
                string path = context.Path;
                bool below = path.StartsWith(_path, StringComparison.OrdinalIgnoreCase)
                    && (path.Length == _path.Length || path[_path.Length] == '/');
                if (!below)
                {
                    await Next.Invoke(context);
                    return;
                }

                string pathBase = context.PathBase;
                context.PathBase = pathBase + path.Substring(0, _path.Length);
                context.Path = path.Substring(_path.Length);
                await _branch(context.Environment);
                context.PathBase = pathBase;
                context.Path = path;
            }
        }
    }
}
