using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace KatanaStyle
{
    /// <summary>An OWIN environment as properties (OWIN 1.0.1 §3.2).</summary>
    public sealed class Context
    {
        public Context(IDictionary<string, object> environment)
        {
            Environment = environment;
        }

        public IDictionary<string, object> Environment { get; }

        public string Method => (string)Environment["owin.RequestMethod"];

        public string PathBase
        {
            get => (string)Environment["owin.RequestPathBase"];
            set => Environment["owin.RequestPathBase"] = value;
        }

        public string Path
        {
            get => (string)Environment["owin.RequestPath"];
            set => Environment["owin.RequestPath"] = value;
        }

        public int StatusCode
        {
            get => (int)Environment["owin.ResponseStatusCode"];
            set => Environment["owin.ResponseStatusCode"] = value;
        }

        public IDictionary<string, string[]> RequestHeaders => (IDictionary<string, string[]>)Environment["owin.RequestHeaders"];

        public IDictionary<string, string[]> ResponseHeaders => (IDictionary<string, string[]>)Environment["owin.ResponseHeaders"];

        public Stream RequestBody => (Stream)Environment["owin.RequestBody"];

        public CancellationToken CallCancelled => (CancellationToken)Environment["owin.CallCancelled"];

        /// <summary>Runs <paramref name="action"/> when the response begins: the last chance to set a header.</summary>
        public void OnSendingHeaders(Action action) =>
            ((Action<Action<object>, object>)Environment["server.OnSendingHeaders"])(_ => action(), null);

        public Task WriteAsync(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            if (!ResponseHeaders.ContainsKey("Content-Type"))
            {
                ResponseHeaders["Content-Type"] = new[] { "text/plain; charset=utf-8" };
            }

            ResponseHeaders["Content-Length"] = new[] { bytes.Length.ToString() };
            return ((Stream)Environment["owin.ResponseBody"]).WriteAsync(bytes, 0, bytes.Length, CallCancelled);
        }

        public Task NotFoundAsync()
        {
            StatusCode = 404;
            return WriteAsync("nothing here\n");
        }

        /// <summary>The value of a cookie, or null.</summary>
        public string Cookie(string name)
        {
            if (!RequestHeaders.TryGetValue("Cookie", out string[] lines))
            {
                return null;
            }

            foreach (string part in string.Join(";", lines).Split(';'))
            {
                string[] pair = part.Split(new[] { '=' }, 2);
                if (pair.Length == 2 && pair[0].Trim() == name)
                {
                    return pair[1].Trim();
                }
            }

            return null;
        }
    }
}
