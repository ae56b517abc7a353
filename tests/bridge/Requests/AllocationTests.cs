// What a request may cost in managed memory: the collector's work is part of every request's time.

using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading.Tasks;
using Xunit;

namespace Owind.Tests.Requests;

public class AllocationTests
{
    private const int Requests = 10_000;

    private static readonly byte[] s_hello = Encoding.ASCII.GetBytes("Hello, World!");

    [Fact(DisplayName = "a hello request allocates no more than 600 bytes of managed memory")]
    public void HelloIsCheap() => Assert.InRange(BytesPerRequest(Hello), 1, 600);

    [Fact(DisplayName = "an awaited Task that is complete costs no more than its state machine")]
    public void AwaitedHelloIsCheap()
    {
        static async Task Outer(IDictionary<string, object> environment) => await Hello(environment);
        Assert.InRange(BytesPerRequest(Outer), 1, 600);
    }

    [Fact(DisplayName = "asking for a request header that is not there allocates only the dictionary")]
    public void MissingHeadersAreFree()
    {
        long without = BytesPerRequest(static environment => environment["owin.RequestHeaders"] is null ? null! : Task.CompletedTask);
        long with = BytesPerRequest(static environment =>
        {
            var headers = (IDictionary<string, string[]>)environment["owin.RequestHeaders"];
            return headers.ContainsKey("X-Missing") || headers.TryGetValue("Cookie", out _) ? null! : Task.CompletedTask;
        });
        Assert.InRange(with, 1, without + 8);
    }

    private static Task Hello(IDictionary<string, object> environment)
    {
        var headers = (IDictionary<string, string[]>)environment["owin.ResponseHeaders"];
        headers["Content-Type"] = ["text/plain"];
        headers["Content-Length"] = ["13"];
        return ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_hello, 0, s_hello.Length);
    }

    private static long BytesPerRequest(Func<IDictionary<string, object>, Task> app)
    {
        using var request = new CountingRequest(app);
        request.Run(200);
        long before = GC.GetAllocatedBytesForCurrentThread();
        request.Run(Requests);
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(Requests + 200, request.Completed);
        return bytes / Requests;
    }
}
