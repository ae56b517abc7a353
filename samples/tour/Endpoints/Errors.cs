using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>Failures, each in the place where a server has to treat it differently.</summary>
    public static class Errors
    {
        /// <summary>GET /error/before: throws inside the call, with headers set that must not reach the visitor.</summary>
        public static Task Before(IDictionary<string, object> environment)
        {
            new Context(environment).SetHeader("X-Leftover", "yes");
            throw new InvalidOperationException("the tour failed before the head");
        }

        /// <summary>GET /error/task: the returned Task fails.</summary>
        public static async Task InTask(IDictionary<string, object> environment)
        {
            new Context(environment).SetHeader("X-Leftover", "yes");
            await Task.Yield();
            throw new InvalidOperationException("the tour failed in its task");
        }

        /// <summary>GET /error/cancelled: the returned Task is cancelled.</summary>
        public static Task CancelledTask(IDictionary<string, object> environment) => Task.FromCanceled(new CancellationToken(true));

        /// <summary>GET /error/null: returns no Task at all.</summary>
        public static Task NullTask(IDictionary<string, object> environment) => null;

        /// <summary>GET /error/after[?bytes=N][&amp;length=L]: sends the head and N (1000) bytes, of L promised ones when given,
        /// then fails.</summary>
        public static async Task After(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("Content-Type", "text/plain");
            var length = context.Query("length");
            if (length != null)
            {
                context.SetHeader("Content-Length", length);
            }

            await Fill(context, context.Query("bytes", 1000));
            await context.ResponseBody.FlushAsync();
            throw new InvalidOperationException("the tour failed after the head");
        }

        /// <summary>GET /error/short: promises twenty bytes and sends five.</summary>
        public static Task FewerBytesThanPromised(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("Content-Length", "20");
            return Fill(context, 5);
        }

        /// <summary>GET /error/long: promises five bytes and sends twenty.</summary>
        public static Task MoreBytesThanPromised(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("Content-Length", "5");
            return Fill(context, 20);
        }

        /// <summary>GET /error/header: a header value with a line break, as injected from user input.</summary>
        public static Task ForbiddenHeader(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("X-Input", "a\r\nSet-Cookie: stolen=1");
            return context.WriteText("never seen");
        }

        /// <summary>GET /error/large-head?bytes=N: a response head of more than N bytes.</summary>
        public static Task LargeHead(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            context.SetHeader("X-Large", new string('h', (int)context.Query("bytes", 65536)));
            return context.WriteText("small");
        }

        private static async Task Fill(Context context, long bytes)
        {
            var block = Encoding.ASCII.GetBytes(new string('x', 8192));
            for (; bytes > 0; bytes -= block.Length)
            {
                await context.ResponseBody.WriteAsync(block, 0, (int)Math.Min(bytes, block.Length));
            }
        }
    }
}
