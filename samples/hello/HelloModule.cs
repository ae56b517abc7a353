using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading.Tasks;

namespace Hello
{
    /// <summary>Answers every request with the same thirteen bytes.</summary>
    /// <remarks>What never changes is made once, and the Task of the write is handed on instead of being awaited: a
    /// response that the server takes at once costs no allocation here.</remarks>
    public sealed class HelloModule
    {
        private static readonly byte[] Body = Encoding.ASCII.GetBytes("Hello, World!");
        private static readonly string[] ContentType = { "text/plain" };
        private static readonly string[] ContentLength = { "13" };

        public Task Invoke(IDictionary<string, object> environment)
        {
            var headers = (IDictionary<string, string[]>)environment["owin.ResponseHeaders"];
            headers["Content-Type"] = ContentType;
            headers["Content-Length"] = ContentLength;
            var body = (Stream)environment["owin.ResponseBody"];
            return body.WriteAsync(Body, 0, Body.Length);
        }
    }
}
