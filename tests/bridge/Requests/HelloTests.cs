// The shortest request, end to end through the tables, and what it may cost.

using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

public class HelloTests
{
    private static readonly byte[] s_hello = Encoding.ASCII.GetBytes("Hello, World!");

    [Fact(DisplayName = "a hello request gives head, body and completion, in that order, inside start()")]
    public void HelloIsAnswered()
    {
        using FakeRequest request = new FakeRequest(Hello).Start();

        Assert.Equal(["head", "write 13", "complete"], request.Calls);
        Assert.Equal(200, request.GivenHead!.Status);
        Assert.Equal("", request.GivenHead.Reason);
        Assert.Equal(HeadFlags.None, request.GivenHead.Flags);
        Assert.Equal([("Content-Type", "text/plain"), ("Content-Length", "13")], request.GivenHead.Fields);
        Assert.Equal("Hello, World!", request.BodyText);
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.Empty(request.Log);
    }

    [Fact(DisplayName = "start() with OWIND_ENTER_QUEUE runs the application on the thread pool")]
    public async Task QueuedStart()
    {
        bool? onPool = null;
        using FakeRequest request = new FakeRequest(environment =>
        {
            onPool = System.Threading.Thread.CurrentThread.IsThreadPoolThread;
            return Hello(environment);
        }).Start(EnterFlags.Queue);

        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.True(onPool);
    }

    private static Task Hello(IDictionary<string, object> environment)
    {
        var headers = (IDictionary<string, string[]>)environment["owin.ResponseHeaders"];
        headers["Content-Type"] = ["text/plain"];
        headers["Content-Length"] = ["13"];
        return ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_hello, 0, s_hello.Length);
    }
}
