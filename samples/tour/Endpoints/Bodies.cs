using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Request bodies: read to the end, or handed back.</summary>
    public static class Bodies
    {
        private const int BufferBytes = 65536;

        private static readonly ConcurrentDictionary<string, long> Arrived = new ConcurrentDictionary<string, long>();

        /// <summary>POST /sha256: the hash of the body in hexadecimal, a blank, its length.</summary>
        public static async Task Sha256(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var length = await ReadAll(context.RequestBody, bytes => hash.AppendData(bytes.Span));
            await context.WriteText(Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant() + " " + length);
        }

        /// <summary>POST /drain: the length of the body.</summary>
        public static async Task Drain(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            await context.WriteText((await ReadAll(context.RequestBody, _ => { })).ToString());
        }

        /// <summary>POST /echo: the body, read to its end before the first byte is answered.</summary>
        public static async Task EchoCollected(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var collected = new MemoryStream();
            await context.RequestBody.CopyToAsync(collected);
            context.SetHeader("Content-Type", context.RequestHeader("Content-Type") ?? "application/octet-stream");
            context.SetHeader("Content-Length", collected.Length.ToString());
            collected.Position = 0;
            await collected.CopyToAsync(context.ResponseBody);
        }

        /// <summary>POST /echo/stream: the body, piece by piece as it arrives. A front end that stops sending once it has the
        /// response head (nginx does) carries this only as far as its buffers reach.</summary>
        public static async Task EchoStreaming(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("Content-Type", context.RequestHeader("Content-Type") ?? "application/octet-stream");
            var buffer = new byte[BufferBytes];
            int count;
            while ((count = await context.RequestBody.ReadAsync(buffer, 0, buffer.Length)) > 0)
            {
                await context.ResponseBody.WriteAsync(buffer, 0, count);
            }
        }

        /// <summary>POST /progress?name=X: the length of the body; GET /progress?name=X meanwhile: how much has arrived.</summary>
        public static async Task Progress(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var name = context.Query("name") ?? "";
            if (context.Method == "POST")
            {
                Arrived[name] = 0;
                await ReadAll(context.RequestBody, bytes => Arrived[name] += bytes.Length);
            }

            await context.WriteText(Arrived.TryGetValue(name, out var count) ? count.ToString() : "0");
        }

        private static async Task<long> ReadAll(Stream body, Action<ReadOnlyMemory<byte>> each)
        {
            var buffer = new byte[BufferBytes];
            var length = 0L;
            int count;
            while ((count = await body.ReadAsync(buffer, 0, buffer.Length)) > 0)
            {
                length += count;
                each(new ReadOnlyMemory<byte>(buffer, 0, count));
            }

            return length;
        }
    }
}
