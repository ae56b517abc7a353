using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Response bodies of any size.</summary>
    public static class Downloads
    {
        private const int BlockBytes = 65536;

        /// <summary>GET /download?bytes=N[&amp;length=no]: N bytes that a client can compute. They are blocks of 64 KiB; the
        /// first eight bytes of a block are its number (big-endian), byte j of the rest is (31 j + 7) mod 256. With length=no
        /// the head has no Content-Length.</summary>
        public static async Task Numbered(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var bytes = context.Query("bytes", 0);
            context.SetHeader("Content-Type", "application/octet-stream");
            if (context.Query("length") != "no")
            {
                context.SetHeader("Content-Length", bytes.ToString());
            }

            var block = NewBlock();
            for (long number = 0; bytes > 0; ++number)
            {
                BinaryPrimitives.WriteInt64BigEndian(block, number);
                var count = (int)Math.Min(bytes, block.Length);
                await context.ResponseBody.WriteAsync(block, 0, count);
                bytes -= count;
            }
        }

        /// <summary>GET /big: 64 MiB of the letter x.</summary>
        public static async Task Big(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("Content-Type", "text/plain");
            context.SetHeader("Content-Length", (1024 * BlockBytes).ToString());
            var block = new byte[BlockBytes];
            block.AsSpan().Fill((byte)'x');
            for (var i = 0; i < 1024; ++i)
            {
                await context.ResponseBody.WriteAsync(block, 0, block.Length);
            }
        }

        /// <summary>GET /file?bytes=N&amp;offset=M&amp;count=C: of a file that holds the N bytes of /download, C from M on, by
        /// sendfile.SendAsync. With length=no the head has no Content-Length.</summary>
        public static async Task FromFile(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var bytes = context.Query("bytes", 0);
            var offset = context.Query("offset", 0);
            var count = context.Query("count", bytes - offset);
            var path = Path.GetTempFileName();
            try
            {
                using (var file = File.Create(path))
                {
                    var block = NewBlock();
                    for (long number = 0, left = bytes; left > 0; ++number)
                    {
                        BinaryPrimitives.WriteInt64BigEndian(block, number);
                        await file.WriteAsync(block, 0, (int)Math.Min(left, block.Length));
                        left -= block.Length;
                    }
                }

                context.SetHeader("Content-Type", "application/octet-stream");
                if (context.Query("length") != "no")
                {
                    context.SetHeader("Content-Length", count.ToString());
                }

                var send = (Func<string, long, long?, CancellationToken, Task>)environment["sendfile.SendAsync"];
                await send(path, offset, count, (CancellationToken)environment["owin.CallCancelled"]);
            }
            finally
            {
                File.Delete(path);
            }
        }

        private static byte[] NewBlock()
        {
            var block = new byte[BlockBytes];
            for (var j = 0; j < block.Length; ++j)
            {
                block[j] = (byte)(31 * j + 7);
            }

            return block;
        }
    }
}
