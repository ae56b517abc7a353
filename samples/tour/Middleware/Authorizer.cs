using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Tour.Middleware
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Answers when a web server asks whether a request may pass (fastcgi.Role is Authorizer): 200 allows it, and a
    /// header Variable-NAME becomes a variable of the request; everything else is the visitor's answer. Here whoever names
    /// himself, ?user=NAME, may pass.</summary>
    public sealed class Authorizer
    {
        private readonly AppFunc next_;

        public Authorizer(AppFunc next) => next_ = next;

        public Task Invoke(IDictionary<string, object> environment)
        {
            if (!environment.TryGetValue("fastcgi.Role", out var role) || !"Authorizer".Equals(role))
            {
                return next_(environment);
            }

            var context = new Context(environment);
            if (context.Query("user") is string user)
            {
                context.SetHeader("Variable-REMOTE_USER", user);
                return Task.CompletedTask;
            }

            context.StatusCode = 403;
            return context.WriteText("nobody may: " + role + "\n");
        }
    }
}
