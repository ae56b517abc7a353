using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Headers in both directions.</summary>
    public static class Headers
    {
        /// <summary>GET /headers: one line `Name: value` for each value of each request header, sorted by name.</summary>
        public static Task Show(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var text = new StringBuilder();
            foreach (var header in context.RequestHeaders.OrderBy(header => header.Key, System.StringComparer.Ordinal))
            {
                foreach (var value in header.Value)
                {
                    text.Append(header.Key).Append(": ").Append(value).Append('\n');
                }
            }

            return context.WriteText(text.ToString());
        }

        /// <summary>GET /headers/set: a status with a reason of its own, a header of two values (two lines on the wire), one
        /// whose value holds a comma (one line), and fields that belong to a connection and must not pass.</summary>
        public static Task Set(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.StatusCode = 201;
            context.ReasonPhrase = "Well Made";
            context.ResponseHeaders["X-Two"] = new[] { "first", "second" };
            context.SetHeader("X-Comma", "a, b");
            context.SetHeader("x-MiXeD-cAsE", "kept");
            context.SetHeader("Connection", "close");
            context.SetHeader("Keep-Alive", "timeout=1");
            context.SetHeader("Transfer-Encoding", "chunked");
            return context.WriteText("set");
        }

        /// <summary>GET /cookies: the request's cookies, one line each; two cookies are set, one of them with an expiry that
        /// holds a comma.</summary>
        public static Task Cookies(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.ResponseHeaders["Set-Cookie"] = new[]
            {
                "session=abc; Path=/; HttpOnly",
                "theme=dark; Expires=Wed, 09 Jun 2038 10:18:14 GMT",
            };
            var cookies = (context.RequestHeader("Cookie") ?? "").Split(';').Select(cookie => cookie.Trim()).Where(cookie => cookie != "");
            return context.WriteText(string.Concat(cookies.Select(cookie => cookie + "\n")));
        }
    }
}
