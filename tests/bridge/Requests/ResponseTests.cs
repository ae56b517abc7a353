// The life of a response (OWIN 1.0.1 §3.2.2, §3.5, §6): when the head goes out, what it says, what becomes of
// exceptions before and after it, and the order of OnSendingHeaders.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

using AppFunc = Func<IDictionary<string, object>, Task>;
using Env = IDictionary<string, object>;
using Headers = IDictionary<string, string[]>;
using OnSending = Action<Action<object>, object>;

public class ResponseTests
{
    private static readonly byte[] s_abc = "abc"u8.ToArray();

    [Fact(DisplayName = "an application that does nothing gives 200 with OWIND_HEAD_NO_BODY_FOLLOWS")]
    public void Nothing()
    {
        using FakeRequest request = Run(static _ => Task.CompletedTask);
        Assert.Equal(["head", "complete"], request.Calls);
        Assert.Equal(200, request.GivenHead!.Status);
        Assert.Equal(HeadFlags.NoBodyFollows, request.GivenHead.Flags);
        Assert.Empty(request.GivenHead.Fields);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    public static TheoryData<string> Starters => ["Write", "WriteAsync", "WriteByte", "BeginWrite", "Flush", "FlushAsync", "WriteNothing"];

    [Theory(DisplayName = "the head goes out once, at the first write or flush of any kind")]
    [MemberData(nameof(Starters))]
    public void FirstWriteSendsTheHead(string starter)
    {
        using FakeRequest request = Run(environment =>
        {
            environment["owin.ResponseStatusCode"] = 201;
            var body = (Stream)environment["owin.ResponseBody"];
            Start(body, starter);
            environment["owin.ResponseStatusCode"] = 500;
            Start(body, starter);
            return Task.CompletedTask;
        });
        Assert.Equal("head", request.Calls[0]);
        Assert.Single(request.Calls, "head");
        Assert.Equal(201, request.GivenHead!.Status);
        Assert.Equal(HeadFlags.None, request.GivenHead.Flags);
        Assert.Equal(Outcome.Completed, request.Outcome);

        static void Start(Stream body, string starter)
        {
            switch (starter)
            {
                case "Write":
                    body.Write(s_abc, 0, 3);
                    break;
                case "WriteAsync":
                    Assert.True(body.WriteAsync(s_abc, 0, 3).IsCompletedSuccessfully);
                    break;
                case "WriteByte":
                    body.WriteByte(65);
                    break;
                case "BeginWrite":
                    body.EndWrite(body.BeginWrite(s_abc, 0, 3, null, null));
                    break;
                case "Flush":
                    body.Flush();
                    break;
                case "FlushAsync":
                    Assert.True(body.FlushAsync().IsCompletedSuccessfully);
                    break;
                default:
                    body.Write([]);
                    break;
            }
        }
    }

    [Fact(DisplayName = "OnSendingHeaders callbacks run last to first, once, with their state, and may change the head")]
    public void CallbacksRunLastToFirst()
    {
        var order = new List<object>();
        using FakeRequest request = Run(environment =>
        {
            var register = (OnSending)environment["server.OnSendingHeaders"];
            foreach (string name in new[] { "first", "second", "third" })
            {
                register(state =>
                {
                    order.Add(state);
                    ((Headers)environment["owin.ResponseHeaders"])["X-Last"] = [(string)state];
                    environment["owin.ResponseStatusCode"] = 202;
                    environment["owin.ResponseReasonPhrase"] = "Fine";
                }, name);
            }

            var body = (Stream)environment["owin.ResponseBody"];
            body.Write(s_abc);
            body.Flush();
            return Task.CompletedTask;
        });
        Assert.Equal(["third", "second", "first"], order);
        Assert.Equal(["first"], request.GivenHead!["X-Last"]);
        Assert.Equal((202, "Fine"), (request.GivenHead.Status, request.GivenHead.Reason));
    }

    [Fact(DisplayName = "OnSendingHeaders callbacks also run when the application wrote nothing")]
    public void CallbacksRunAtTheEnd()
    {
        using FakeRequest request = Run(static environment =>
        {
            ((OnSending)environment["server.OnSendingHeaders"])(
                static state => ((Headers)((Env)state)["owin.ResponseHeaders"])["X-A"] = ["1"], environment);
            return Task.CompletedTask;
        });
        Assert.Equal(["1"], request.GivenHead!["X-A"]);
        Assert.Equal(HeadFlags.NoBodyFollows, request.GivenHead.Flags);
    }

    [Fact(DisplayName = "registering a callback in a callback or after the head throws InvalidOperationException")]
    public void LateRegistration()
    {
        var thrown = new List<Exception?>();
        using FakeRequest request = Run(environment =>
        {
            var register = (OnSending)environment["server.OnSendingHeaders"];
            register(_ => thrown.Add(Record.Exception(() => register(static _ => { }, null!))), null!);
            ((Stream)environment["owin.ResponseBody"]).Flush();
            thrown.Add(Record.Exception(() => register(static _ => { }, null!)));
            return Task.CompletedTask;
        });
        Assert.Equal(2, thrown.Count);
        Assert.All(thrown, static exception => Assert.Equal(
            "Cannot register for 'OnSendingHeaders' event after response headers have been sent.",
            Assert.IsType<InvalidOperationException>(exception).Message));
    }

    [Theory(DisplayName = "a write inside a callback is queued behind the head, before the write that started it")]
    [InlineData(true)]
    [InlineData(false)]
    public void WriteInsideACallback(bool writes)
    {
        using FakeRequest request = Run(environment =>
        {
            var body = (Stream)environment["owin.ResponseBody"];
            var register = (OnSending)environment["server.OnSendingHeaders"];
            byte[] shared = "1"u8.ToArray();
            register(_ => body.Write("2"u8), null!);
            register(_ =>
            {
                body.Write(shared);
                shared[0] = (byte)'x';
                body.Flush();
                Assert.True(body.WriteAsync("+"u8.ToArray(), 0, 1).IsCompletedSuccessfully);
            }, null!);
            return writes ? body.WriteAsync("3"u8.ToArray(), 0, 1) : Task.CompletedTask;
        });
        Assert.Equal(writes ? "1+23" : "1+2", request.BodyText);
        Assert.Equal(HeadFlags.None, request.GivenHead!.Flags);
        Assert.Equal("head", request.Calls[0]);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Fact(DisplayName = "what callbacks wrote is sent completely even if the client takes it slowly")]
    public async Task SlowQueueBehindTheHead()
    {
        using var request = new FakeRequest(static environment =>
        {
            var body = (Stream)environment["owin.ResponseBody"];
            ((OnSending)environment["server.OnSendingHeaders"])(_ => { body.Write("abc"u8); body.Write("def"u8); }, null!);
            return Task.CompletedTask;
        });
        request.Window = 1;
        request.Start();
        Assert.Null(request.Outcome);
        request.Window = 3;
        request.Ready(Ready.Write);
        Assert.Null(request.Outcome);
        request.Window = 10;
        request.Ready(Ready.Write);
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("abcdef", request.BodyText);
    }

    [Theory(DisplayName = "a throwing callback is a 500 without the application's headers, whatever it does next")]
    [InlineData(true)]
    [InlineData(false)]
    public void ThrowingCallback(bool writes)
    {
        using FakeRequest request = Run(environment =>
        {
            ((OnSending)environment["server.OnSendingHeaders"])(
                static _ => throw new NotSupportedException("callback"), null!);
            if (writes)
            {
                var body = (Stream)environment["owin.ResponseBody"];
                Assert.Throws<NotSupportedException>(() => body.Write(s_abc));
                Assert.Throws<InvalidOperationException>(() => body.Write(s_abc));
            }

            return Task.CompletedTask;
        });
        Assert.Null(request.GivenHead);
        Assert.Equal(Outcome.Faulted, request.Outcome);
        Assert.Single(request.Log);
    }

    [Theory(DisplayName = "a status is 101 to 999, 0 and null mean 200, and an enum is its number (OWIN 1.0.1 §3.2.2)")]
    [InlineData(0, 200)]
    [InlineData(null, 200)]
    [InlineData(101, 101)]
    [InlineData(204, 204)]
    [InlineData(999, 999)]
    [InlineData(HttpStatusCode.NotFound, 404)]
    public void GoodStatus(object? status, int expected)
    {
        using FakeRequest request = Run(environment =>
        {
            environment["owin.ResponseStatusCode"] = status!;
            return Task.CompletedTask;
        });
        Assert.Equal(expected, request.GivenHead!.Status);
    }

    [Fact(DisplayName = "a status that was removed is 200")]
    public void RemovedStatus()
    {
        using FakeRequest request = Run(static environment =>
        {
            environment.Remove("owin.ResponseStatusCode");
            return Task.CompletedTask;
        });
        Assert.Equal(200, request.GivenHead!.Status);
    }

    [Theory(DisplayName = "a status, reason or header dictionary of the wrong kind throws at the write, and is a 500")]
    [InlineData("owin.ResponseStatusCode", 100, typeof(ArgumentOutOfRangeException))]
    [InlineData("owin.ResponseStatusCode", 99, typeof(ArgumentOutOfRangeException))]
    [InlineData("owin.ResponseStatusCode", 1000, typeof(ArgumentOutOfRangeException))]
    [InlineData("owin.ResponseStatusCode", -1, typeof(ArgumentOutOfRangeException))]
    [InlineData("owin.ResponseStatusCode", "200", typeof(InvalidOperationException))]
    [InlineData("owin.ResponseReasonPhrase", 7, typeof(InvalidOperationException))]
    [InlineData("owin.ResponseHeaders", "none", typeof(InvalidOperationException))]
    public void BadHead(string key, object value, Type expected)
    {
        AppFunc app = environment =>
        {
            environment[key] = value;
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_abc, 0, 3);
        };
        using FakeRequest written = Run(app);
        Assert.Null(written.GivenHead);
        Assert.Equal(Outcome.Faulted, written.Outcome);
        Assert.Contains(expected.FullName!, Assert.Single(written.Log).Text);

        using FakeRequest silent = Run(environment =>
        {
            environment[key] = value;
            return Task.CompletedTask;
        });
        Assert.Null(silent.GivenHead);
        Assert.Equal(Outcome.Faulted, silent.Outcome);

        using FakeRequest mended = Run(environment =>
        {
            object headers = environment["owin.ResponseHeaders"];
            environment[key] = value;
            var body = (Stream)environment["owin.ResponseBody"];
            Assert.Throws(expected, () => body.Write(s_abc));
            environment["owin.ResponseHeaders"] = headers;
            environment["owin.ResponseStatusCode"] = 203;
            environment["owin.ResponseReasonPhrase"] = " ";
            body.Write(s_abc);
            return Task.CompletedTask;
        });
        Assert.Equal((203, ""), (mended.GivenHead!.Status, mended.GivenHead.Reason));
        Assert.Equal(Outcome.Completed, mended.Outcome);
    }

    [Fact(DisplayName = "a head that breaks a response rule throws the server's text at the write, and is a 500")]
    public void InvalidHead()
    {
        Exception? thrown = null;
        using var request = new FakeRequest(environment =>
        {
            thrown = Record.Exception(() => ((Stream)environment["owin.ResponseBody"]).Write(s_abc));
            throw thrown!;
        });
        request.HeadAnswer = Status.Invalid;
        request.HeadError = "header 'X-\u00e9' has a line break";
        request.Start();
        Assert.Equal("header 'X-\u00e9' has a line break", Assert.IsType<InvalidOperationException>(thrown).Message);
        Assert.Equal(Outcome.Faulted, request.Outcome);
    }

    public static TheoryData<string> Failures => ["throws", "faults", "null", "later"];

    [Theory(DisplayName = "an exception before the head is FAULTED, one log line, and no head")]
    [MemberData(nameof(Failures))]
    public async Task FailureBeforeTheHead(string how)
    {
        using FakeRequest request = Run(FailingApp(how, static _ => { }));
        Assert.Equal(Outcome.Faulted, await request.Completed);
        Assert.Equal(["complete"], request.Calls);
        (LogLevel level, string text) = Assert.Single(request.Log);
        Assert.Equal(LogLevel.Error, level);
        Assert.Contains(how == "null" ? "'TestApp' returned null instead of a Task" : "it is broken", text);
    }

    [Theory(DisplayName = "an exception after the head is FAULTED too, so that the front end sees a failure")]
    [MemberData(nameof(Failures))]
    public async Task FailureAfterTheHead(string how)
    {
        using FakeRequest request = Run(FailingApp(
            how, static environment => ((Stream)environment["owin.ResponseBody"]).Write(s_abc)), development: true);
        Assert.Equal(Outcome.Faulted, await request.Completed);
        Assert.Equal(["head", "write 3", "complete"], request.Calls);
        Assert.Single(request.Log);
    }

    [Fact(DisplayName = "in development a failure before the head is a page that shows the exception, escaped")]
    public void DevelopmentPage()
    {
        using var request = new FakeRequest(static environment =>
        {
            ((Headers)environment["owin.ResponseHeaders"])["X-Secret"] = ["1"];
            throw new InvalidOperationException("<script>alert('x')</script>");
        }, development: true);
        request.Slots[RequestSlot.Path] = "/<evil>";
        request.Start();
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.Equal(500, request.GivenHead!.Status);
        Assert.Empty(request.GivenHead["X-Secret"]);
        Assert.Equal(["text/html; charset=utf-8"], request.GivenHead["Content-Type"]);
        Assert.Equal([request.Body.Length.ToString()], request.GivenHead["Content-Length"]);
        Assert.Contains("System.InvalidOperationException", request.BodyText);
        Assert.Contains("&lt;script&gt;", request.BodyText);
        Assert.Contains("/&lt;evil&gt;", request.BodyText);
        Assert.DoesNotContain("<script>", request.BodyText);
        Assert.DoesNotContain("<evil>", request.BodyText);
    }

    [Fact(DisplayName = "the development page is sent completely even if the client takes it slowly")]
    public async Task SlowDevelopmentPage()
    {
        using var request = new FakeRequest(static _ => throw new InvalidOperationException("it is broken"), development: true);
        request.Window = 5;
        request.Start();
        Assert.Null(request.Outcome);
        request.Window = int.MaxValue;
        request.Ready(Ready.Write);
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal([request.Body.Length.ToString()], request.GivenHead!["Content-Length"]);
    }

    [Fact(DisplayName = "a development page whose head is refused is FAULTED")]
    public void RefusedDevelopmentPage()
    {
        using var request = new FakeRequest(static _ => throw new InvalidOperationException("it is broken"), development: true);
        request.HeadAnswer = Status.Invalid;
        request.Start();
        Assert.Equal(Outcome.Faulted, request.Outcome);
    }

    [Fact(DisplayName = "a cancelled Task is CANCELLED")]
    public async Task CancelledTask()
    {
        using FakeRequest request = Run(static _ => Task.FromCanceled(new CancellationToken(true)));
        Assert.Equal(Outcome.Cancelled, await request.Completed);
        Assert.Equal(["complete"], request.Calls);
    }

    [Fact(DisplayName = "owin.CallCancelled fires when the application fails (OWIN 1.0.1 §3.6)")]
    public void FailureCancels()
    {
        CancellationToken token = default;
        using FakeRequest request = Run(environment =>
        {
            token = (CancellationToken)environment["owin.CallCancelled"];
            throw new InvalidOperationException("it is broken");
        });
        Assert.True(token.IsCancellationRequested);
    }

    [Fact(DisplayName = "owin.CallCancelled does not fire when a request ends well, and its source is never disposed")]
    public void SuccessDoesNotCancel()
    {
        CancellationToken token = default;
        using FakeRequest request = Run(environment =>
        {
            token = (CancellationToken)environment["owin.CallCancelled"];
            return Task.CompletedTask;
        });
        Assert.False(token.IsCancellationRequested);
        token.Register(static () => { }).Dispose();
        Assert.NotNull(token.WaitHandle);
    }

    [Fact(DisplayName = "an exception in the middle of a Task that nobody awaited the stream of leaves the neighbour unharmed")]
    public void NeighbourIsUnharmed()
    {
        using FakeRequest broken = Run(static _ => throw new InvalidOperationException("it is broken"));
        using FakeRequest well = Run(static environment => ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_abc, 0, 3));
        Assert.Equal((Outcome.Faulted, Outcome.Completed), (broken.Outcome, well.Outcome));
        Assert.Equal("abc", well.BodyText);
    }

    [Fact(DisplayName = "too many bytes for the Content-Length throws and says how many of how many")]
    public void TooManyBytes()
    {
        Exception? thrown = null;
        using var request = new FakeRequest(environment =>
        {
            ((Headers)environment["owin.ResponseHeaders"])["Content-Length"] = ["4"];
            var body = (Stream)environment["owin.ResponseBody"];
            body.Write(s_abc);
            Find(environment).WriteAnswer = Status.TooManyBytes;
            thrown = Record.Exception(() => body.Write(s_abc));
            return Task.CompletedTask;
        });
        Known[request.Slots[RequestSlot.RequestId] = "too-many"] = request;
        request.Start();
        Assert.Equal("Response Content-Length mismatch: too many bytes written (6 of 4).",
            Assert.IsType<InvalidOperationException>(thrown).Message);
    }

    [Fact(DisplayName = "server.DisableResponseBuffering before the head sets OWIND_HEAD_UNBUFFERED")]
    public void Unbuffered()
    {
        using FakeRequest request = Run(static environment =>
        {
            ((Action)environment["server.DisableRequestBuffering"])();
            ((Action)environment["server.DisableResponseBuffering"])();
            return ((Stream)environment["owin.ResponseBody"]).WriteAsync(s_abc, 0, 3);
        });
        Assert.Equal(HeadFlags.Unbuffered, request.GivenHead!.Flags);
    }

    [Fact(DisplayName = "closing or disposing a body does nothing: later writes and reads work (OWIN 1.0.1 §3.4, §3.5)")]
    public async Task CloseIsIgnored()
    {
        using var request = new FakeRequest(static async environment =>
        {
            var output = (Stream)environment["owin.ResponseBody"];
            output.Close();
            output.Dispose();
            await output.DisposeAsync();
            using (var writer = new StreamWriter(output, new UTF8Encoding(false), leaveOpen: false))
            {
                writer.Write("a");
            }

            var input = (Stream)environment["owin.RequestBody"];
            input.Dispose();
            await output.WriteAsync(new[] { (byte)input.ReadByte() }, 0, 1);
        }).WithBody("b").Start();
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("ab", request.BodyText);
    }

    [Fact(DisplayName = "sendfile.SendAsync sends the asked part of a file, headers first")]
    public async Task SendFile()
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, "0123456789");
            using FakeRequest request = Run(async environment =>
            {
                var send = (Func<string, long, long?, CancellationToken, Task>)environment["sendfile.SendAsync"];
                await send(path, 2, 3, default);
                await send(path, 8, null, default);
                await send(path, 10, null, default);
                await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => send(path, 11, null, default));
                await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => send(path, 5, 6, default));
                await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => send(path, -1, 1, default));
                await Assert.ThrowsAsync<FileNotFoundException>(() => send(path + ".no", 0, null, default));
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => send(path, 0, null, new CancellationToken(true)));
            });
            Assert.Equal(Outcome.Completed, await request.Completed);
            Assert.Equal("23489", request.BodyText);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact(DisplayName = "sendfile.SendAsync leaves the file to a server that can send it, and ends when it is sent")]
    public async Task SendFilePastTheBridge()
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, "0123456789");
            Task? sending = null;
            using var request = new FakeRequest(async environment =>
            {
                var send = (Func<string, long, long?, CancellationToken, Task>)environment["sendfile.SendAsync"];
                sending = send(path, 2, 3, default);
                await sending;
                var body = (Stream)environment["owin.ResponseBody"];
                await body.WriteAsync(new[] { (byte)'!' });
            });
            request.SendFileAnswer = Status.Wait;
            request.FlushAnswer = Status.Wait;
            request.Start();
            Assert.False(sending!.IsCompleted);
            // Woken too early: still not sent.
            request.Ready(Ready.Write);
            Assert.False(sending.IsCompleted);
            request.FlushAnswer = Status.Ok;
            request.Ready(Ready.Write);
            Assert.Equal(Outcome.Completed, await request.Completed);
            Assert.Equal("234!", request.BodyText);
            Assert.Contains("send_file 2 3", request.Calls);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory(DisplayName = "sendfile.SendAsync fails when the file cannot be sent whole")]
    [InlineData((int)Status.TooManyBytes)]
    [InlineData((int)Status.Aborted)]
    [InlineData((int)Status.Failed)]
    public async Task SendFileFails(int answer)
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, "0123456789");
            using var request = new FakeRequest(async environment =>
            {
                var send = (Func<string, long, long?, CancellationToken, Task>)environment["sendfile.SendAsync"];
                await Assert.ThrowsAnyAsync<Exception>(() => send(path, 0, null, default));
            });
            request.SendFileAnswer = (Status)answer;
            request.Start();
            Assert.Equal(Outcome.Completed, await request.Completed);
            Assert.Equal(string.Empty, request.BodyText);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact(DisplayName = "sendfile.SendAsync fails when the visitor leaves while the file is sent")]
    public async Task SendFileAborted()
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, "0123456789");
            using var request = new FakeRequest(async environment =>
            {
                var send = (Func<string, long, long?, CancellationToken, Task>)environment["sendfile.SendAsync"];
                await send(path, 0, null, default);
            });
            request.SendFileAnswer = Status.Wait;
            request.FlushAnswer = Status.Wait;
            request.Start();
            request.Abort(AbortReason.Disconnected);
            request.FlushAnswer = Status.Aborted;
            request.Ready(Ready.Write);
            Assert.NotEqual(Outcome.Completed, await request.Completed);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Dictionary<string, FakeRequest> Known { get; } = [];

    private static FakeRequest Find(Env environment) => Known[(string)environment["owin.RequestId"]];

    private static FakeRequest Run(AppFunc app, bool development = false) => new FakeRequest(app, development).Start();

    private static AppFunc FailingApp(string how, Action<Env> first) => environment =>
    {
        first(environment);
        return how switch
        {
            "throws" => throw new InvalidOperationException("it is broken"),
            "faults" => Task.FromException(new InvalidOperationException("it is broken")),
            "null" => null!,
            _ => Later(),
        };

        static async Task Later()
        {
            await Task.Yield();
            throw new InvalidOperationException("it is broken");
        }
    };
}
