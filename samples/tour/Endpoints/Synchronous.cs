using System.Collections.Generic;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Code as it was written before async: reads and writes that wait on their thread.</summary>
    public static class Synchronous
    {
        /// <summary>POST /sync: the body, by Read and Write.</summary>
        public static Task Echo(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var buffer = new byte[16384];
            int count;
            while ((count = context.RequestBody.Read(buffer, 0, buffer.Length)) > 0)
            {
                context.ResponseBody.Write(buffer, 0, count);
            }

            context.ResponseBody.Flush();
            return Task.CompletedTask;
        }

        /// <summary>POST /sync/result: the body, collected by asynchronous reads whose Result is waited for.</summary>
        public static Task EchoByResult(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var collected = new System.IO.MemoryStream();
            var buffer = new byte[16384];
            int count;
            while ((count = context.RequestBody.ReadAsync(buffer, 0, buffer.Length).Result) > 0)
            {
                collected.Write(buffer, 0, count);
            }

            context.SetHeader("Content-Length", collected.Length.ToString());
            context.ResponseBody.WriteAsync(collected.GetBuffer(), 0, (int)collected.Length).Wait();
            return Task.CompletedTask;
        }
    }
}
