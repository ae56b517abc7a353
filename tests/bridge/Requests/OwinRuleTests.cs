// Rules of OWIN 1.0.1 and of Katana's servers that no other file of this folder is about (tests/owin_rows.tsv says
// which test shows which rule).

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

using AppFunc = Func<IDictionary<string, object>, Task>;
using Env = IDictionary<string, object>;
using Headers = IDictionary<string, string[]>;
using OnSending = Action<Action<object>, object>;

public class OwinRuleTests
{
    private static readonly byte[] s_abc = "abc"u8.ToArray();

    [Fact(DisplayName = "owin.RequestId is there, and differs between requests, when the front end sends none")]
    public void RequestIdIsMade()
    {
        var ids = new List<string>();
        for (int i = 0; i < 2; i++)
        {
            Inspect(
                environment => ids.Add((string)environment["owin.RequestId"]),
                static request => request.Slots.Remove(RequestSlot.RequestId));
        }

        Assert.All(ids, Assert.NotEmpty);
        Assert.NotEqual(ids[0], ids[1]);
    }

    [Fact(DisplayName = "server.Capabilities is the instance of the start-up Properties, with sendfile and without websockets")]
    public void SameCapabilities()
    {
        using FakeRequest request = Run(static environment =>
        {
            var capabilities = (Env)environment["server.Capabilities"];
            Assert.Equal("Overlapped", ((Env)capabilities["sendfile.Support"])["sendfile.Concurrency"]);
            Assert.DoesNotContain(capabilities.Keys, static key => key.StartsWith("websocket.") || key.StartsWith("opaque."));
            environment["seen"] = true;
            capabilities["test.Mark"] = environment;
            return Task.CompletedTask;
        });
        Assert.True(((Env)request.Application.Capabilities!).ContainsKey("test.Mark"));
    }

    [Fact(DisplayName = "host.OnAppDisposing and server.OnDispose are the token of the start-up Properties")]
    public void SameDisposingToken()
    {
        object? token = null;
        using FakeRequest request = Run(environment =>
        {
            token = environment["host.OnAppDisposing"];
            Assert.Same(token, environment["server.OnDispose"]);
            return Task.CompletedTask;
        });
        Assert.Same(request.Application.OnAppDisposing, token);
    }

    [Fact(DisplayName = "a stream that middleware puts into owin.ResponseBody gets the writes, and the response starts later")]
    public void ReplacedBody()
    {
        using FakeRequest request = Run(static async environment =>
        {
            var original = (Stream)environment["owin.ResponseBody"];
            var collected = new MemoryStream();
            environment["owin.ResponseBody"] = collected;
            ((Stream)environment["owin.ResponseBody"]).Write(s_abc);
            ((Headers)environment["owin.ResponseHeaders"])["X-Late"] = ["1"];
            environment["owin.ResponseBody"] = original;
            Assert.Same(original, environment["owin.ResponseBody"]);
            collected.Position = 0;
            await collected.CopyToAsync(original);
        });
        Assert.Equal("abc", request.BodyText);
        Assert.Equal(["1"], request.GivenHead!["X-Late"]);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Fact(DisplayName = "a body that was replaced for good leaves an empty response that ends well")]
    public void BodyReplacedForGood()
    {
        using FakeRequest request = Run(static environment =>
        {
            environment["owin.ResponseBody"] = new MemoryStream();
            environment["owin.RequestBody"] = Stream.Null;
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_abc, 0, 3);
        });
        Assert.Equal(["head", "complete"], request.Calls);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Fact(DisplayName = "owin.ResponseProtocol is ignored, whatever it is")]
    public void ProtocolIsIgnored()
    {
        using FakeRequest request = Run(static environment =>
        {
            environment["owin.ResponseProtocol"] = "HTTP/0.9";
            return Task.CompletedTask;
        });
        Assert.Equal((200, ""), (request.GivenHead!.Status, request.GivenHead.Reason));
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Fact(DisplayName = "a token that middleware puts in the place of owin.CallCancelled stays there, and the server's fires all the same")]
    public void ChainedToken()
    {
        CancellationToken own = default;
        var never = new TaskCompletionSource();
        using FakeRequest request = Run(environment =>
        {
            own = (CancellationToken)environment["owin.CallCancelled"];
            var chained = CancellationTokenSource.CreateLinkedTokenSource(own);
            environment["owin.CallCancelled"] = chained.Token;
            Assert.Equal(chained.Token, environment["owin.CallCancelled"]);
            chained.Token.Register(() => never.SetResult());
            return never.Task;
        });
        request.Abort(AbortReason.Disconnected);
        Assert.True(own.IsCancellationRequested);
        Assert.True(never.Task.IsCompletedSuccessfully);
    }

    [Fact(DisplayName = "asking for owin.CallCancelled in the middle of writes changes nothing of them")]
    public async Task TokenBetweenWrites()
    {
        using FakeRequest request = Run(static async environment =>
        {
            var body = (Stream)environment["owin.ResponseBody"];
            await body.WriteAsync(s_abc);
            var token = (CancellationToken)environment["owin.CallCancelled"];
            await body.WriteAsync(s_abc, token);
            await body.FlushAsync(token);
        });
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("abcabc", request.BodyText);
    }

    [Fact(DisplayName = "Content-Length is a header like any other: enumerated, counted, sent as it was set")]
    public void ContentLengthIsAHeader()
    {
        using FakeRequest request = Run(static environment =>
        {
            var headers = (Headers)environment["owin.ResponseHeaders"];
            headers["Content-Length"] = ["3"];
            headers["Transfer-Encoding"] = ["identity"];
            Assert.Equal(2, headers.Count);
            Assert.Equal(["Content-Length", "Transfer-Encoding"], headers.Keys);
            Assert.Equal("3", headers.Single(static pair => pair.Key == "Content-Length").Value[0]);
            Assert.True(headers.Remove("Transfer-Encoding"));
            Assert.Throws<KeyNotFoundException>(() => headers["Transfer-Encoding"]);
            Assert.False(headers.TryGetValue("Transfer-Encoding", out _));
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_abc, 0, 3);
        });
        Assert.Equal([("Content-Length", "3")], request.GivenHead!.Fields);
    }

    [Fact(DisplayName = "what an application throws out of the header dictionary is a 500 without its headers")]
    public void DuplicateAddIsAFailure()
    {
        using FakeRequest request = Run(static environment =>
        {
            var headers = (Headers)environment["owin.ResponseHeaders"];
            headers.Add("X-A", ["1"]);
            headers.Add("x-a", ["2"]);
            return Task.CompletedTask;
        });
        Assert.Equal(Outcome.Faulted, request.Outcome);
        Assert.Null(request.GivenHead);
        Assert.Contains("The key 'x-a' is already present in the dictionary.", Assert.Single(request.Log).Text);
    }

    [Fact(DisplayName = "the exception of an OnSendingHeaders callback leaves the others unrun and is the one in the log")]
    public void ThrowingCallbackStops()
    {
        var ran = new List<int>();
        using FakeRequest request = Run(environment =>
        {
            var register = (OnSending)environment["server.OnSendingHeaders"];
            register(_ => ran.Add(1), null!);
            register(_ => throw new NotSupportedException("in a callback"), null!);
            register(_ => ran.Add(3), null!);
            return Task.CompletedTask;
        });
        Assert.Equal([3], ran);
        Assert.Equal(Outcome.Faulted, request.Outcome);
        Assert.Contains("in a callback", Assert.Single(request.Log).Text);
    }

    [Fact(DisplayName = "sendfile.SendAsync has closed the file when its Task ends, however it ends")]
    public async Task SendFileReleasesTheFile()
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, new byte[200_000]);
            using var cancel = new CancellationTokenSource();
            var writes = new SemaphoreSlim(0);
            using var request = new FakeRequest(async environment =>
            {
                var send = (Func<string, long, long?, CancellationToken, Task>)environment["sendfile.SendAsync"];
                await send(path, 0, 10, default);
                await writes.WaitAsync();
                Assert.DoesNotContain(path, OpenFiles());
                Task slow = send(path, 0, null, cancel.Token);
                await writes.WaitAsync();
                Assert.False(slow.IsCompleted);
                Assert.Contains(path, OpenFiles());
                cancel.Cancel();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
                Assert.DoesNotContain(path, OpenFiles());
            });
            request.Window = 1000;
            request.During = what =>
            {
                if (what == "write")
                {
                    writes.Release();
                }
            };
            request.Start();

            // A transfer that was cancelled half way is fatal for the response.
            Assert.Equal(Outcome.Faulted, await request.Completed);
            Assert.Empty(request.Log);
        }
        finally
        {
            File.Delete(path);
        }

        static List<string?> OpenFiles() => Directory.GetFiles("/proc/self/fd")
            .Select(static link => new FileInfo(link).LinkTarget).ToList();
    }

    [Fact(DisplayName = "a Stream.Null that the application puts into the place of the request body reads as empty")]
    public void NullBody() => Inspect(static environment =>
    {
        environment["owin.RequestBody"] = Stream.Null;
        Assert.Equal(-1, ((Stream)environment["owin.RequestBody"]).ReadByte());
    });

    private static FakeRequest Run(AppFunc app) => new FakeRequest(app).Start();

    private static void Inspect(Action<Env> assert, Action<FakeRequest>? prepare = null)
    {
        using var request = new FakeRequest(environment =>
        {
            assert(environment);
            return Task.CompletedTask;
        });
        prepare?.Invoke(request);
        request.Start();
        Assert.Equal([], request.Log.Select(static record => record.Text));
    }
}
