using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Tour
{
    /// <summary>Typed access to an OWIN environment (OWIN 1.0.1 §3.2): a name for each key that the tour uses.</summary>
    public readonly struct Context
    {
        public Context(IDictionary<string, object> environment)
        {
            Environment = environment;
        }

        public IDictionary<string, object> Environment { get; }

        public string Method => (string)Environment["owin.RequestMethod"];

        public string Path => (string)Environment["owin.RequestPath"];

        /// <summary>As the visitor sent it: still encoded, no question mark.</summary>
        public string QueryString => (string)Environment["owin.RequestQueryString"];

        public IDictionary<string, string[]> RequestHeaders =>
            (IDictionary<string, string[]>)Environment["owin.RequestHeaders"];

        public IDictionary<string, string[]> ResponseHeaders =>
            (IDictionary<string, string[]>)Environment["owin.ResponseHeaders"];

        public Stream RequestBody => (Stream)Environment["owin.RequestBody"];

        public Stream ResponseBody => (Stream)Environment["owin.ResponseBody"];

        public CancellationToken CallCancelled => (CancellationToken)Environment["owin.CallCancelled"];

        public int StatusCode
        {
            set => Environment["owin.ResponseStatusCode"] = value;
        }

        public string ReasonPhrase
        {
            set => Environment["owin.ResponseReasonPhrase"] = value;
        }

        /// <summary>The decoded value of a query parameter, or null when there is none of that name.</summary>
        public string Query(string name)
        {
            foreach (var pair in QueryString.Split('&'))
            {
                var equals = pair.IndexOf('=');
                var key = equals < 0 ? pair : pair.Substring(0, equals);
                if (Uri.UnescapeDataString(key) == name)
                {
                    return equals < 0 ? "" : Uri.UnescapeDataString(pair.Substring(equals + 1));
                }
            }

            return null;
        }

        public long Query(string name, long otherwise) =>
            long.TryParse(Query(name), out var number) && number >= 0 ? number : otherwise;

        public string RequestHeader(string name) =>
            RequestHeaders.TryGetValue(name, out var values) ? string.Join(",", values) : null;

        public void SetHeader(string name, string value) => ResponseHeaders[name] = new[] { value };

        /// <summary>Answers with a text whose length is known.</summary>
        public Task WriteText(string text, string contentType = "text/plain; charset=utf-8")
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            SetHeader("Content-Type", contentType);
            SetHeader("Content-Length", bytes.Length.ToString());
            return ResponseBody.WriteAsync(bytes, 0, bytes.Length);
        }
    }
}
