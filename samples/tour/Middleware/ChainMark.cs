using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Tour.Middleware
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>Writes its name into X-Chain on the way in, so that the order of the chain can be seen.</summary>
    public sealed class ChainMark
    {
        private readonly AppFunc next_;
        private readonly string name_;

        public ChainMark(AppFunc next, string name)
        {
            next_ = next;
            name_ = name;
        }

        public Task Invoke(IDictionary<string, object> environment)
        {
            var headers = new Context(environment).ResponseHeaders;
            headers["X-Chain"] = headers.TryGetValue("X-Chain", out var before)
                ? new[] { before[0] + ">" + name_ }
                : new[] { name_ };
            return next_(environment);
        }
    }
}
