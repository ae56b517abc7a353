using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Tour.Middleware
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Gives everything below a path to another application, which sees that path as its base (OWIN 1.0.1 §5.3):
    /// under Mount("/mounted") a request of /mounted/x has the PathBase /mounted and the Path /x.</summary>
    public sealed class Mount
    {
        private readonly AppFunc next_;
        private readonly string path_;
        private readonly AppFunc application_;

        public Mount(AppFunc next, string path, AppFunc application)
        {
            next_ = next;
            path_ = path;
            application_ = application;
        }

        public async Task Invoke(IDictionary<string, object> environment)
        {
            var path = (string)environment["owin.RequestPath"];
            if (!path.StartsWith(path_, StringComparison.OrdinalIgnoreCase) || (path.Length > path_.Length && path[path_.Length] != '/'))
            {
                await next_(environment);
                return;
            }

            var pathBase = (string)environment["owin.RequestPathBase"];
            environment["owin.RequestPathBase"] = pathBase + path.Substring(0, path_.Length);
            environment["owin.RequestPath"] = path.Substring(path_.Length);
            try
            {
                await application_(environment);
            }
            finally
            {
                environment["owin.RequestPathBase"] = pathBase;
                environment["owin.RequestPath"] = path;
            }
        }
    }
}
