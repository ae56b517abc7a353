// Reading and writing when the other side is not ready: waiting without a thread and with one, cancellation,
// concurrent use, aborts, and the end of the request in the middle of it all. Every wake-up is given by hand.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

using AppFunc = Func<IDictionary<string, object>, Task>;
using Env = IDictionary<string, object>;

public class BodyTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Reads =>
        ["ReadAsync", "ReadAsync(Memory)", "BeginRead", "CopyToAsync", "Read", "Read(Span)", "ReadByte", "CopyTo"];

    [Theory(DisplayName = "a body is read to its end in every way that Stream has")]
    [MemberData(nameof(Reads))]
    public async Task EveryWayOfReading(string how)
    {
        string? text = null;
        using var request = new FakeRequest(async environment =>
            text = await ReadAll((Stream)environment["owin.RequestBody"], how));
        request.Arrive("hello "u8.ToArray());
        request.WithBody("world").Start();
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("hello world", text);
    }

    [Theory(DisplayName = "a read that must wait goes on when on_ready says so, on that thread if it is asynchronous")]
    [InlineData("ReadAsync")]
    [InlineData("ReadAsync(Memory)")]
    [InlineData("BeginRead")]
    [InlineData("CopyToAsync")]
    public void AsynchronousReadWaits(string how)
    {
        string? text = null;
        int thread = 0;
        using var request = new FakeRequest(async environment =>
        {
            text = await ReadAll((Stream)environment["owin.RequestBody"], how);
            thread = Environment.CurrentManagedThreadId;
        });
        request.Start();
        Assert.Null(request.Outcome);
        Assert.Equal(Status.Ok, request.Ready(Ready.Read)); // Nothing came: a wake-up too many does no harm.
        Assert.Null(request.Outcome);
        request.Arrive("hello"u8.ToArray());
        request.Ready(Ready.Read);
        Assert.Null(text);
        request.EndBody();
        request.Ready(Ready.Read);
        Assert.Equal("hello", text);
        Assert.Equal(Environment.CurrentManagedThreadId, thread);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Theory(DisplayName = "a synchronous read tells native.blocking, waits, and goes on when on_ready says so")]
    [InlineData("Read")]
    [InlineData("Read(Span)")]
    [InlineData("ReadByte")]
    [InlineData("CopyTo")]
    public async Task SynchronousReadWaits(string how)
    {
        string? text = null;
        using var blocked = new SemaphoreSlim(0);
        using var request = new FakeRequest(async environment =>
            text = await ReadAll((Stream)environment["owin.RequestBody"], how));
        request.During = call => Release(blocked, call == "blocking");
        Task run = Task.Factory.StartNew(() => request.Start(), TaskCreationOptions.LongRunning);

        Assert.True(await blocked.WaitAsync(s_patience));
        request.Arrive("hi"u8.ToArray());
        request.Ready(Ready.Read);
        Assert.True(await blocked.WaitAsync(s_patience));
        request.EndBody();
        request.Ready(Ready.Read);
        await run.WaitAsync(s_patience);
        Assert.Equal("hi", text);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Fact(DisplayName = "on_ready that comes before the read call has returned is not lost")]
    public async Task EarlyReady()
    {
        string? text = null;
        int reads = 0;
        FakeRequest? outer = null;
        using var request = new FakeRequest(async environment =>
            text = await ReadAll((Stream)environment["owin.RequestBody"], "ReadAsync"));
        outer = request;
        request.During = call =>
        {
            if (call == "read" && ++reads == 1)
            {
                // Inside the call that is about to answer WAIT.
                outer.Ready(Ready.Read);
                outer.During = call => { if (call == "read" && ++reads == 2) { outer.Arrive("x"u8.ToArray()); outer.EndBody(); } };
            }
        };
        request.Start();
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("x", text);
    }

    [Fact(DisplayName = "a request without a body reads as ended, without a call")]
    public void NoBody()
    {
        using var request = new FakeRequest(static environment =>
        {
            var body = (Stream)environment["owin.RequestBody"];
            Assert.Equal(-1, body.ReadByte());
            Assert.Equal(0, body.ReadAsync(new byte[8], 0, 8).Result);
            return Task.CompletedTask;
        });
        request.Flags = RequestFlags.HasNoBody;
        request.Start();
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.DoesNotContain("read", request.Calls);
    }

    [Fact(DisplayName = "an empty buffer reads 0 without a call")]
    public void EmptyBuffer()
    {
        using FakeRequest request = new FakeRequest(static environment =>
        {
            var body = (Stream)environment["owin.RequestBody"];
            Assert.Equal(0, body.Read([]));
            Assert.Equal(0, body.ReadAsync(Memory<byte>.Empty).Result);
            return Task.CompletedTask;
        }).Start();
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.DoesNotContain("read", request.Calls);
    }

    [Fact(DisplayName = "bodies cannot seek and have no length; each can do its own direction only")]
    public void StreamMembers()
    {
        using FakeRequest request = new FakeRequest(static environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            var output = (Stream)environment["owin.ResponseBody"];
            Assert.True(input.CanRead && !input.CanWrite && output.CanWrite && !output.CanRead);
            foreach (Stream body in new[] { input, output })
            {
                Assert.False(body.CanSeek);
                Assert.Throws<NotSupportedException>(() => body.Length);
                Assert.Throws<NotSupportedException>(() => body.Position);
                Assert.Throws<NotSupportedException>(() => body.Position = 1);
                Assert.Throws<NotSupportedException>(() => body.Seek(0, SeekOrigin.Begin));
                Assert.Throws<NotSupportedException>(() => body.SetLength(1));
            }

            Assert.Throws<NotSupportedException>(() => input.Write([1], 0, 1));
            Assert.Throws<NotSupportedException>(() => output.Read(new byte[1], 0, 1));
            Assert.ThrowsAny<ArgumentException>(() => input.Read(new byte[1], 1, 1));
            Assert.ThrowsAny<ArgumentException>(() => { output.Write(new byte[1], 0, 2); });
            input.Flush();
            return input.FlushAsync();
        }).Start();
        Assert.Equal([], request.Log.Select(static record => record.Text));
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    public static TheoryData<string> Writes => ["WriteAsync", "WriteAsync(Memory)", "BeginWrite", "Write", "Write(Span)", "WriteByte"];

    [Theory(DisplayName = "a write that is taken piecemeal sends every byte, in order, in every way that Stream has")]
    [MemberData(nameof(Writes))]
    public async Task SlowWrite(string how)
    {
        byte[] bytes = Enumerable.Range(0, 100).Select(static i => (byte)i).ToArray();
        using var waiting = new SemaphoreSlim(0);
        using var request = new FakeRequest(environment => WriteAll((Stream)environment["owin.ResponseBody"], bytes, how));
        request.Window = 7;
        request.During = call => Release(waiting, call == "blocking");
        Task run = Task.Factory.StartNew(() => request.Start(), TaskCreationOptions.LongRunning);
        bool blocks = how is "Write" or "Write(Span)" or "WriteByte";
        if (!blocks)
        {
            await run.WaitAsync(s_patience);
        }

        while (request.Body.Length < 98)
        {
            if (blocks)
            {
                Assert.True(await waiting.WaitAsync(s_patience));
            }

            request.Window = 7;
            int before = request.Body.Length;
            request.Ready(Ready.Write);
            await Until(() => request.Body.Length >= before + 7);
        }

        if (blocks)
        {
            Assert.True(await waiting.WaitAsync(s_patience));
        }

        request.Window = int.MaxValue;
        request.Ready(Ready.Write);
        await run.WaitAsync(s_patience);
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.Equal(bytes, request.Body);
    }

    [Fact(DisplayName = "a flush that must wait is asked again when on_ready says so")]
    public async Task SlowFlush()
    {
        using var request = new FakeRequest(static environment => ((Stream)environment["owin.ResponseBody"]).FlushAsync());
        request.FlushAnswer = Status.Wait;
        request.Start();
        Assert.Null(request.Outcome);
        request.FlushAnswer = Status.Ok;
        request.Ready(Ready.Write);
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal(["head", "flush", "flush", "complete"], request.Calls);
    }

    [Fact(DisplayName = "on_ready with OWIND_ENTER_QUEUE goes on on the thread pool")]
    public async Task QueuedReady()
    {
        bool? onPool = null;
        using var request = new FakeRequest(async environment =>
        {
            Assert.Equal(1, await ((Stream)environment["owin.RequestBody"]).ReadAsync(new byte[4]));
            onPool = Thread.CurrentThread.IsThreadPoolThread;
        });
        Task run = Task.Factory.StartNew(() =>
        {
            request.Start();
            request.Arrive([1]);
            request.Ready(Ready.Read, EnterFlags.Queue);
        }, TaskCreationOptions.LongRunning);
        await run;
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.True(onPool);
    }

    [Fact(DisplayName = "on_ready for both directions wakes both, even if the first goes on for long")]
    public async Task BothDirections()
    {
        using var written = new ManualResetEventSlim();
        using var request = new FakeRequest(async environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            var output = (Stream)environment["owin.ResponseBody"];
            Task write = Write(output, written);
            Assert.Equal(1, await input.ReadAsync(new byte[4]));
            Assert.True(written.Wait(s_patience)); // Blocks the thread of on_ready.
            await write;
        });
        request.Window = 1;
        request.Start();
        request.Window = 100;
        request.Arrive([1]);
        await Task.Factory.StartNew(() => request.Ready(Ready.Read | Ready.Write), TaskCreationOptions.LongRunning);
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));

        static async Task Write(Stream output, ManualResetEventSlim written)
        {
            await output.WriteAsync(new byte[10]);
            written.Set();
        }
    }

    [Fact(DisplayName = "a second read, or a second write, while one waits throws InvalidOperationException")]
    public async Task ConcurrentUse()
    {
        var thrown = new List<Exception?>();
        using var request = new FakeRequest(async environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            var output = (Stream)environment["owin.ResponseBody"];
            ValueTask<int> read = input.ReadAsync(new byte[4]);
            Task write = output.WriteAsync(new byte[10], 0, 10);
            thrown.Add(Record.Exception(() => input.ReadByte()));
            thrown.Add(Record.Exception(() => { input.ReadAsync(new byte[4], 0, 4); }));
            thrown.Add(Record.Exception(() => output.WriteByte(1)));
            thrown.Add(Record.Exception(output.Flush));
            thrown.Add(Record.Exception(() => { output.WriteAsync(new byte[4], 0, 4); }));
            await read;
            await write;
            await output.WriteAsync(new byte[1], 0, 1);
        });
        request.Window = 3;
        request.Start();
        Assert.Equal(5, thrown.Count);
        Assert.All(thrown, static exception => Assert.IsType<InvalidOperationException>(exception));
        request.Arrive([1]);
        request.Window = 100;
        request.Ready(Ready.Read);
        request.Ready(Ready.Write);
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.Equal(11, request.Body.Length);
    }

    [Fact(DisplayName = "a token that is cancelled before the call cancels it without a native call")]
    public void CancelledBefore()
    {
        using FakeRequest request = new FakeRequest(static environment =>
        {
            var token = new CancellationToken(true);
            var input = (Stream)environment["owin.RequestBody"];
            var output = (Stream)environment["owin.ResponseBody"];
            Assert.True(input.ReadAsync(new byte[4], 0, 4, token).IsCanceled);
            Assert.True(output.WriteAsync(new byte[4], 0, 4, token).IsCanceled);
            Assert.True(output.FlushAsync(token).IsCanceled);
            return Task.CompletedTask;
        }).Start();
        Assert.Equal(["head", "complete"], request.Calls);
        Assert.Equal(Outcome.Completed, request.Outcome);
    }

    [Fact(DisplayName = "a waiting read that is cancelled throws, and the next read gets the bytes")]
    public async Task CancelledRead()
    {
        using var source = new CancellationTokenSource();
        int read = 0;
        CancellationToken seen = default;
        using var request = new FakeRequest(async environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            var exception = await Assert.ThrowsAsync<OperationCanceledException>(
                async () => Assert.Fail($"read {await input.ReadAsync(new byte[4], source.Token)}"));
            seen = exception.CancellationToken;
            read = await input.ReadAsync(new byte[4]);
        });
        request.Start();
        await source.CancelAsync();
        await Until(() => request.Calls.Count(static call => call == "read") == 2);
        request.Ready(Ready.Read); // The one that the cancelled read had asked for.
        request.Arrive([1, 2, 3]);
        request.Ready(Ready.Read);
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.Equal(3, read);
        Assert.Equal(source.Token, seen);
    }

    [Fact(DisplayName = "a write that is cancelled after part of it was sent breaks the response: it must not look complete")]
    public async Task CancelledWrite()
    {
        using var source = new CancellationTokenSource();
        using var request = new FakeRequest(async environment =>
        {
            var output = (Stream)environment["owin.ResponseBody"];
            await Assert.ThrowsAsync<OperationCanceledException>(
                async () => await output.WriteAsync(new byte[10], source.Token));
            await Assert.ThrowsAsync<IOException>(async () => await output.WriteAsync(new byte[1]));
        });
        request.Window = 3;
        request.Start();
        await source.CancelAsync();
        Assert.Equal(Outcome.Faulted, await request.Completed.WaitAsync(s_patience));
        Assert.Equal(3, request.Body.Length);
    }

    [Fact(DisplayName = "a write that is cancelled before any of it was sent leaves the response whole")]
    public async Task CleanlyCancelledWrite()
    {
        using var source = new CancellationTokenSource();
        FakeRequest? outer = null;
        using var request = new FakeRequest(async environment =>
        {
            var output = (Stream)environment["owin.ResponseBody"];
            await Assert.ThrowsAsync<OperationCanceledException>(
                async () => await output.WriteAsync(new byte[10], source.Token));
            outer!.Window = 100;
            await output.WriteAsync(new byte[1]);
        });
        outer = request;
        request.Window = 0;
        request.Start();
        await source.CancelAsync();
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.Single(request.Body);
    }

    [Fact(DisplayName = "on_abort wakes waiting reads and writes with an IOException and fires owin.CallCancelled")]
    public async Task AbortWakes()
    {
        Exception? read = null;
        Exception? write = null;
        CancellationToken token = default;
        using var request = new FakeRequest(async environment =>
        {
            token = (CancellationToken)environment["owin.CallCancelled"];
            Task reading = ((Stream)environment["owin.RequestBody"]).ReadAsync(new byte[4], 0, 4);
            Task writing = ((Stream)environment["owin.ResponseBody"]).WriteAsync(new byte[10], 0, 10);
            read = await Record.ExceptionAsync(() => reading);
            write = await Record.ExceptionAsync(() => writing);
        });
        request.Window = 3;
        request.Start();
        request.Abort(AbortReason.Disconnected);
        await request.Completed.WaitAsync(s_patience);
        Assert.Equal("The request body cannot be read: the client has disconnected.", Assert.IsType<IOException>(read).Message);
        Assert.Equal("The response cannot be written: the client has disconnected.", Assert.IsType<IOException>(write).Message);
        Assert.True(token.IsCancellationRequested);
        Assert.Equal(Status.Closed, request.Abort(AbortReason.Shutdown));
    }

    [Theory(DisplayName = "on_abort wakes a blocked thread")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AbortWakesBlocked(bool reads)
    {
        using var blocked = new SemaphoreSlim(0);
        Exception? thrown = null;
        using var request = new FakeRequest(environment =>
        {
            thrown = Record.Exception(() =>
            {
                if (reads)
                {
                    ((Stream)environment["owin.RequestBody"]).ReadByte();
                }
                else
                {
                    ((Stream)environment["owin.ResponseBody"]).Write(new byte[10]);
                }
            });
            return Task.CompletedTask;
        });
        request.Window = 1;
        request.During = call => Release(blocked, call == "blocking");
        Task run = Task.Factory.StartNew(() => request.Start(), TaskCreationOptions.LongRunning);
        Assert.True(await blocked.WaitAsync(s_patience));
        request.Abort(AbortReason.Timeout);
        await run.WaitAsync(s_patience);
        Assert.Contains("longer than the server allows", Assert.IsType<IOException>(thrown).Message);
    }

    [Theory(DisplayName = "owin.CallCancelled that is first asked for after the disconnect is cancelled already")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LateToken(bool queued)
    {
        var gate = new TaskCompletionSource();
        bool cancelled = false;
        using var request = new FakeRequest(async environment =>
        {
            await gate.Task;
            cancelled = ((CancellationToken)environment["owin.CallCancelled"]).IsCancellationRequested;
        });
        request.Start();
        request.Abort(AbortReason.Disconnected, queued ? EnterFlags.Queue : EnterFlags.None);
        gate.SetResult();
        await request.Completed.WaitAsync(s_patience);
        Assert.True(cancelled);
    }

    [Fact(DisplayName = "a callback of owin.CallCancelled that throws is a log line, and the others run")]
    public async Task ThrowingCancellation()
    {
        var gate = new TaskCompletionSource();
        bool ran = false;
        using var request = new FakeRequest(environment =>
        {
            var token = (CancellationToken)environment["owin.CallCancelled"];
            token.Register(() => ran = true);
            token.Register(static () => throw new InvalidOperationException("in the callback"));
            return gate.Task;
        });
        request.Start();
        Assert.Equal(Status.Ok, request.Abort(AbortReason.Disconnected));
        Assert.True(ran);
        Assert.Contains("in the callback", Assert.Single(request.Log).Text);
        gate.SetResult();
        await request.Completed.WaitAsync(s_patience);
    }

    [Theory(DisplayName = "what follows from a disconnect is not logged as an error of the application")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task DisconnectsAreQuiet(bool notified)
    {
        var gate = new TaskCompletionSource();
        using var request = new FakeRequest(async environment =>
        {
            await gate.Task;
            await ((Stream)environment["owin.ResponseBody"]).WriteAsync(new byte[3]);
        });
        request.Start();
        if (notified)
        {
            request.Abort(AbortReason.Disconnected);
        }
        else
        {
            request.HeadAnswer = Status.Aborted;
        }

        gate.SetResult();
        await request.Completed.WaitAsync(s_patience);
        Assert.Empty(request.Log);
    }

    [Fact(DisplayName = "each way in which a read can fail has its exception and a text that says what to do")]
    public void ReadFailures()
    {
        (Status Answer, Type Type, string Text)[] cases =
        [
            (Status.Stalled, typeof(IOException), "once it has the response headers"),
            (Status.Timeout, typeof(IOException), "within the body timeout"),
            (Status.Cut, typeof(IOException), "The request body ended after 0 of 100 bytes."),
            (Status.Aborted, typeof(IOException), "the client has disconnected"),
            (Status.Busy, typeof(InvalidOperationException), "await each one"),
            (Status.Closed, typeof(ObjectDisposedException), "The request is over"),
            (Status.Failed, typeof(IOException), "Failed"),
        ];
        foreach ((Status answer, Type type, string text) in cases)
        {
            Exception? asynchronous = null;
            Exception? synchronous = null;
            using var request = new FakeRequest(async environment =>
            {
                var body = (Stream)environment["owin.RequestBody"];
                synchronous = Record.Exception(() => body.ReadByte());
                asynchronous = await Record.ExceptionAsync(() => body.ReadAsync(new byte[1], 0, 1));
            })
            {
                ContentLength = 100,
            };
            request.ReadAnswer = answer;
            request.Start();
            foreach (Exception? exception in new[] { asynchronous, synchronous })
            {
                Assert.IsType(type, exception);
                Assert.Contains(text, exception.Message);
            }
        }
    }

    [Fact(DisplayName = "each way in which a write can fail has its exception")]
    public void WriteFailures()
    {
        (Status Answer, Type Type)[] cases =
        [
            (Status.Timeout, typeof(IOException)), (Status.Aborted, typeof(IOException)),
            (Status.Busy, typeof(InvalidOperationException)), (Status.Closed, typeof(ObjectDisposedException)),
            (Status.TooManyBytes, typeof(InvalidOperationException)), (Status.Failed, typeof(IOException)),
        ];
        foreach ((Status answer, Type type) in cases)
        {
            var thrown = new List<Exception?>();
            using var request = new FakeRequest(async environment =>
            {
                var body = (Stream)environment["owin.ResponseBody"];
                thrown.Add(Record.Exception(() => body.WriteByte(1)));
                thrown.Add(await Record.ExceptionAsync(() => body.WriteAsync(new byte[1], 0, 1)));
            });
            request.WriteAnswer = answer;
            request.Start();
            Assert.Equal(2, thrown.Count);
            Assert.All(thrown, exception => Assert.IsType(type, exception));
        }
    }

    [Fact(DisplayName = "blocking where it is refused throws and says what to do; the stream stays usable")]
    public async Task BlockingRefused()
    {
        var thrown = new List<Exception?>();
        using var request = new FakeRequest(async environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            var output = (Stream)environment["owin.ResponseBody"];
            thrown.Add(Record.Exception(() => input.ReadByte()));
            thrown.Add(Record.Exception(() => output.Write(new byte[10])));
            Assert.Equal(1, await input.ReadAsync(new byte[1]));
        });
        request.BlockingAnswer = Status.Refused;
        request.Window = 4;
        request.Start();
        Assert.Equal(2, thrown.Count);
        Assert.All(thrown, static exception =>
            Assert.Contains("--dispatch inline", Assert.IsType<InvalidOperationException>(exception).Message));
        request.Arrive([1]);
        request.Ready(Ready.Read);
        await request.Completed.WaitAsync(s_patience);
    }

    [Fact(DisplayName = "a request whose Task ends while a write that it did not await waits ends when that is over")]
    public async Task UnawaitedWrite()
    {
        using var request = new FakeRequest(static environment =>
        {
            _ = ((Stream)environment["owin.ResponseBody"]).WriteAsync(new byte[10], 0, 10);
            return Task.CompletedTask;
        });
        request.Window = 4;
        request.Start();
        Assert.Null(request.Outcome);
        request.Window = 100;
        request.Ready(Ready.Write);
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.Equal(10, request.Body.Length);
    }

    [Fact(DisplayName = "when the request fails, or ends, whatever still waits fails with ObjectDisposedException")]
    public async Task EndWhileWaiting()
    {
        Task<int>? read = null;
        Task? write = null;
        using var request = new FakeRequest(environment =>
        {
            read = ((Stream)environment["owin.RequestBody"]).ReadAsync(new byte[4], 0, 4);
            write = ((Stream)environment["owin.ResponseBody"]).WriteAsync(new byte[10], 0, 10);
            throw new InvalidOperationException("it is broken");
        });
        request.Window = 4;
        request.Start();
        Assert.Equal(Outcome.Faulted, request.Outcome);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => read!.WaitAsync(s_patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => write!.WaitAsync(s_patience));
    }

    [Fact(DisplayName = "a thread that blocks when the request ends wakes with ObjectDisposedException")]
    public async Task EndWhileBlocked()
    {
        using var blocked = new SemaphoreSlim(0);
        Task<Exception>? other = null;
        var gate = new TaskCompletionSource();
        using var request = new FakeRequest(environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            other = Task.Factory.StartNew(() => Record.Exception(() => input.ReadByte())!, TaskCreationOptions.LongRunning);
            return gate.Task;
        });
        request.During = call => Release(blocked, call == "blocking");
        request.Start();
        Assert.True(await blocked.WaitAsync(s_patience));
        gate.SetResult();
        Assert.Equal(Outcome.Completed, await request.Completed.WaitAsync(s_patience));
        Assert.IsType<ObjectDisposedException>(await other!.WaitAsync(s_patience));
    }

    [Fact(DisplayName = "after the end reads and writes throw ObjectDisposedException and make no native call")]
    public void AfterTheEnd()
    {
        Stream? input = null;
        Stream? output = null;
        using FakeRequest request = new FakeRequest(environment =>
        {
            input = (Stream)environment["owin.RequestBody"];
            output = (Stream)environment["owin.ResponseBody"];
            return Task.CompletedTask;
        }).Start();
        int calls = request.Calls.Count;
        Action[] uses =
        [
            () => input!.ReadByte(), () => input!.ReadAsync(new byte[1], 0, 1), () => output!.WriteByte(1),
            () => output!.WriteAsync(new byte[1], 0, 1), () => output!.Flush(),
        ];
        Assert.All(uses, static use => Assert.Throws<ObjectDisposedException>(use));
        Assert.Equal(calls, request.Calls.Count);
        Assert.Equal(Status.Closed, request.Ready(Ready.Read | Ready.Write));
    }

    [Fact(DisplayName = "many waits on one stream reuse one waiter and lose nothing, with on_ready from another thread")]
    public async Task ManyWaits()
    {
        const int rounds = 2_000;
        using var armed = new SemaphoreSlim(0);
        long sum = 0;
        using var request = new FakeRequest(async environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            byte[] buffer = new byte[8];
            int read;
            while ((read = await input.ReadAsync(buffer)) > 0)
            {
                sum += read;
            }
        });
        request.During = call => Release(armed, call == "read");
        request.Start();
        Task feed = Task.Factory.StartNew(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                Assert.True(armed.Wait(s_patience));
                request.Arrive([1, 2, 3]);
                request.Ready(Ready.Read);
            }

            request.EndBody();
            request.Ready(Ready.Read);
        }, TaskCreationOptions.LongRunning);
        await feed.WaitAsync(s_patience);
        await request.Completed.WaitAsync(s_patience);
        Assert.Equal(rounds * 3L, sum);
    }

    [Fact(DisplayName = "cancellation that races with on_ready gives the bytes or the exception, and loses neither")]
    public async Task CancellationRaces()
    {
        const int rounds = 1_000;
        using var reading = new SemaphoreSlim(0);
        CancellationTokenSource? current = null;
        int bytes = 0;
        int cancelled = 0;
        using var request = new FakeRequest(async environment =>
        {
            var input = (Stream)environment["owin.RequestBody"];
            byte[] buffer = new byte[64];
            for (int read = -1; read != 0;)
            {
                var source = new CancellationTokenSource();
                Volatile.Write(ref current, source);
                reading.Release();
                try
                {
                    read = await input.ReadAsync(buffer, source.Token);
                    bytes += read;
                }
                catch (OperationCanceledException)
                {
                    cancelled++;
                }
            }
        });
        request.Start();
        for (int i = 0; i < rounds; i++)
        {
            Assert.True(await reading.WaitAsync(s_patience));
            CancellationTokenSource source = Volatile.Read(ref current)!;
            Task cancel = Task.Run(source.Cancel);
            request.Arrive([1]);
            request.Ready(Ready.Read);
            await cancel;
        }

        request.EndBody();
        await Until(() =>
        {
            request.Ready(Ready.Read);
            return request.Outcome != null;
        });
        Assert.Equal(rounds, bytes);
        Assert.InRange(cancelled, 0, rounds);
    }

    [Fact(DisplayName = "writes that race with on_ready, from a client that takes one byte at a time, send every byte")]
    public async Task WriteRaces()
    {
        const int length = 3_000;
        using var request = new FakeRequest(static async environment =>
        {
            var output = (Stream)environment["owin.ResponseBody"];
            byte[] part = Enumerable.Range(0, 30).Select(static i => (byte)i).ToArray();
            for (int sent = 0; sent < length; sent += part.Length)
            {
                await output.WriteAsync(part);
            }
        });
        request.Window = 0;
        Task run = Task.Run(() => request.Start());
        await Until(() =>
        {
            request.Window = 1;
            request.Ready(Ready.Write);
            return request.Outcome != null;
        });
        await run.WaitAsync(s_patience);
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.Equal(length, request.Body.Length);
        Assert.All(request.Body.Select(static (value, at) => (value, at)), static pair => Assert.Equal(pair.at % 30, pair.value));
    }

    private static void Release(SemaphoreSlim semaphore, bool now)
    {
        if (now)
        {
            semaphore.Release();
        }
    }

    /// <summary>Waits for what another thread is about to do.</summary>
    private static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (!condition())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task<string> ReadAll(Stream body, string how)
    {
        var all = new MemoryStream();
        byte[] buffer = new byte[4];
        int read;
        switch (how)
        {
            case "ReadAsync":
                while ((read = await body.ReadAsync(buffer, 1, 3)) > 0)
                {
                    all.Write(buffer, 1, read);
                }

                break;
            case "ReadAsync(Memory)":
                while ((read = await body.ReadAsync(buffer.AsMemory(0, 2))) > 0)
                {
                    all.Write(buffer, 0, read);
                }

                break;
            case "BeginRead":
                while ((read = await Task.Factory.FromAsync(body.BeginRead, body.EndRead, buffer, 0, 4, null)) > 0)
                {
                    all.Write(buffer, 0, read);
                }

                break;
            case "CopyToAsync":
                await body.CopyToAsync(all);
                break;
            case "Read":
                while ((read = body.Read(buffer, 1, 3)) > 0)
                {
                    all.Write(buffer, 1, read);
                }

                break;
            case "Read(Span)":
                while ((read = body.Read(buffer.AsSpan(0, 2))) > 0)
                {
                    all.Write(buffer, 0, read);
                }

                break;
            case "ReadByte":
                for (int one = body.ReadByte(); one >= 0; one = body.ReadByte())
                {
                    all.WriteByte((byte)one);
                }

                break;
            default:
                body.CopyTo(all);
                break;
        }

        return Encoding.UTF8.GetString(all.ToArray());
    }

    private static async Task WriteAll(Stream body, byte[] bytes, string how)
    {
        switch (how)
        {
            case "WriteAsync":
                await body.WriteAsync(bytes, 0, 50);
                await body.WriteAsync(bytes, 50, 50);
                break;
            case "WriteAsync(Memory)":
                await body.WriteAsync(bytes.AsMemory(0, 1));
                await body.WriteAsync(bytes.AsMemory(1));
                break;
            case "BeginWrite":
                await Task.Factory.FromAsync(body.BeginWrite, body.EndWrite, bytes, 0, 100, null);
                break;
            case "Write":
                body.Write(bytes, 0, 10);
                body.Write(bytes, 10, 90);
                break;
            case "Write(Span)":
                body.Write(bytes.AsSpan());
                break;
            default:
                foreach (byte one in bytes)
                {
                    body.WriteByte(one);
                }

                break;
        }
    }
}
