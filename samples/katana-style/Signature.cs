using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace KatanaStyle
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Signs each response. An instance whose Invoke gets the next application and makes one in front of it.</summary>
    public sealed class Signature
    {
        public AppFunc Invoke(AppFunc next, string name) => environment =>
        {
            new Context(environment).ResponseHeaders["X-Served-By"] = new[] { name };
            return next(environment);
        };
    }
}
