using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;

namespace Tour.Middleware
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Gives a request to the application of exactly its path, and any other to the next.</summary>
    public sealed class Routes
    {
        private readonly AppFunc next_;
        private readonly Dictionary<string, AppFunc> applications_;
        private readonly string index_;

        public Routes(AppFunc next, Dictionary<string, AppFunc> applications)
        {
            next_ = next;
            applications_ = applications;
            index_ = string.Concat(applications.Keys.OrderBy(path => path, StringComparer.Ordinal).Select(path => path + "\n"));
        }

        public Task Invoke(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var path = context.Path;
            if (path == "/")
            {
                return context.WriteText(index_);
            }

            return applications_.TryGetValue(path, out var application) ? application(environment) : next_(environment);
        }
    }
}
