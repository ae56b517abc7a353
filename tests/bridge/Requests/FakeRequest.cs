// One request as the native half has it: the block in native memory, a request body that arrives when the test says
// so, a response of which the test says how much is taken, and a record of everything that the bridge did.

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;
using Owind.Boundary;
using Owind.Hosting;
using Xunit;

namespace Owind.Tests.Requests;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed unsafe class FakeRequest : IDisposable
{
    private readonly object _lock = new();
    private readonly Queue<byte[]> _arrived = new();
    private readonly List<byte> _body = [];
    private readonly TaskCompletionSource<Outcome> _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RequestBlock* _block;
    private int _readOffset;
    private bool _ended;
    private bool _headGiven;
    private Status _everything = Status.Ok;

    internal FakeRequest(AppFunc app, bool development = false)
    {
        Application = new OwinApplication(app, PropertiesOf(development));
        Token = FakeBoundary.Register(this);
        Slots[RequestSlot.Method] = "GET";
        Slots[RequestSlot.Scheme] = "http";
        Slots[RequestSlot.PathBase] = "";
        Slots[RequestSlot.Path] = "/";
        Slots[RequestSlot.QueryString] = "";
        Slots[RequestSlot.Protocol] = "HTTP/1.1";
        Slots[RequestSlot.RemoteIp] = "192.0.2.7";
        Slots[RequestSlot.RemotePort] = "50123";
        Slots[RequestSlot.LocalIp] = "192.0.2.1";
        Slots[RequestSlot.LocalPort] = "80";
        Slots[RequestSlot.RequestId] = "r-1";
    }

    internal OwinApplication Application { get; }

    internal ulong Token { get; }

    internal Dictionary<RequestSlot, string> Slots { get; } = [];

    internal List<(byte[] Name, byte[] Value)> Fields { get; } = [];

    internal RequestFlags Flags { get; set; }

    internal long ContentLength { get; init; } = -1;

    internal ConcurrentQueue<(LogLevel Level, string Text)> Log { get; } = new();

    /// <summary>What happened, in order: "head", "write 13", "flush", "complete" …</summary>
    internal List<string> Calls { get; } = [];

    internal FakeHead? GivenHead { get; private set; }

    /// <summary>How many more bytes of the response are taken before WAIT.</summary>
    internal int Window { get; set; } = int.MaxValue;

    internal Status HeadAnswer { get; set; } = Status.Ok;

    internal string HeadError { get; set; } = "";

    internal Status ReadAnswer { get; set; } = Status.Wait;

    internal Status WriteAnswer { get; set; } = Status.Ok;

    internal Status FlushAnswer { get; set; } = Status.Ok;

    /// <summary>Ok and Wait: the part of the file is taken.</summary>
    internal Status SendFileAnswer { get; set; } = Status.Unsupported;

    internal Status BlockingAnswer { get; set; } = Status.Ok;

    /// <summary>Runs inside the native function named, before it answers: the place for a race.</summary>
    internal Action<string>? During { get; set; }

    internal Outcome? Outcome { get; private set; }

    internal Task<Outcome> Completed => _completed.Task;

    internal byte[] Body
    {
        get
        {
            lock (_lock)
            {
                return _body.ToArray();
            }
        }
    }

    internal string BodyText => Encoding.UTF8.GetString(Body);

    internal FakeRequest WithField(string name, string value)
    {
        Fields.Add((Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value)));
        return this;
    }

    internal FakeRequest WithSlot(RequestSlot slot, string value)
    {
        Slots[slot] = value;
        return this;
    }

    internal FakeRequest WithBody(string text)
    {
        Arrive(Encoding.UTF8.GetBytes(text));
        EndBody();
        return this;
    }

    internal void Arrive(byte[] bytes)
    {
        lock (_lock)
        {
            _arrived.Enqueue(bytes);
        }
    }

    internal void EndBody()
    {
        lock (_lock)
        {
            _ended = true;
        }
    }

    /// <summary>Starts the request on this thread.</summary>
    internal FakeRequest Start(EnterFlags flags = EnterFlags.None)
    {
        _block = BuildBlock();
        Call(Enter.Start, flags, 0);
        return this;
    }

    internal Status Ready(Ready ready, EnterFlags flags = EnterFlags.None) => Call(Enter.Ready, flags, (int)ready);

    internal Status Abort(AbortReason reason, EnterFlags flags = EnterFlags.None)
    {
        lock (_lock)
        {
            _everything = Status.Aborted;
        }

        return Call(Enter.Abort, flags, (int)reason);
    }

    /// <summary>What the native side does with the block once the request is over.</summary>
    internal void AdvanceGeneration()
    {
        Volatile.Write(ref _block->Generation, _block->Generation + 1);
        new Span<byte>((byte*)_block + sizeof(RequestBlock), (int)_block->Size - sizeof(RequestBlock)).Fill((byte)'!');
    }

    public void Dispose()
    {
        FakeBoundary.Forget(Token);
        NativeMemory.Free(_block);
    }

    internal Status Read(Span<byte> into, out int transferred)
    {
        transferred = 0;
        During?.Invoke("read");
        lock (_lock)
        {
            Calls.Add("read");
            if (Over() is { } over)
            {
                return over;
            }

            if (_arrived.TryPeek(out byte[]? chunk))
            {
                transferred = Math.Min(into.Length, chunk.Length - _readOffset);
                chunk.AsSpan(_readOffset, transferred).CopyTo(into);
                _readOffset += transferred;
                if (_readOffset == chunk.Length)
                {
                    _arrived.Dequeue();
                    _readOffset = 0;
                }

                return Status.Ok;
            }

            return _ended ? Status.End : ReadAnswer;
        }
    }

    internal Status Write(ReadOnlySpan<byte> bytes, out int taken)
    {
        taken = 0;
        During?.Invoke("write");
        lock (_lock)
        {
            Calls.Add($"write {bytes.Length}");
            if (Over() is { } over)
            {
                return over;
            }

            if (!_headGiven)
            {
                throw new InvalidOperationException("a write before the head");
            }

            if (WriteAnswer != Status.Ok)
            {
                return WriteAnswer;
            }

            taken = Math.Min(bytes.Length, Window);
            Window -= Window == int.MaxValue ? 0 : taken;
            _body.AddRange(bytes[..taken]);
            return taken == bytes.Length ? Status.Ok : Status.Wait;
        }
    }

    internal Status Flush()
    {
        During?.Invoke("flush");
        lock (_lock)
        {
            Calls.Add("flush");
            return Over() ?? FlushAnswer;
        }
    }

    internal Status SendFile(int descriptor, long offset, long count)
    {
        lock (_lock)
        {
            Calls.Add($"send_file {offset} {count}");
            if (Over() is { } over)
            {
                return over;
            }

            if (SendFileAnswer is Status.Ok or Status.Wait)
            {
                using var file = new SafeFileHandle(descriptor, ownsHandle: false);
                byte[] bytes = new byte[count];
                Assert.Equal(count, RandomAccess.Read(file, bytes, offset));
                _body.AddRange(bytes);
            }

            return SendFileAnswer;
        }
    }

    internal Status Head(ReadOnlySpan<byte> head, out string error)
    {
        During?.Invoke("head");
        lock (_lock)
        {
            Calls.Add("head");
            error = HeadError;
            if (Over() is { } over)
            {
                return over;
            }

            if (HeadAnswer == Status.Ok)
            {
                GivenHead = FakeHead.Parse(head);
                _headGiven = true;
            }

            return HeadAnswer;
        }
    }

    internal Status Blocking()
    {
        During?.Invoke("blocking");
        lock (_lock)
        {
            Calls.Add("blocking");
            return BlockingAnswer;
        }
    }

    internal Status Complete(Outcome outcome)
    {
        During?.Invoke("complete");
        lock (_lock)
        {
            Calls.Add("complete");
            if (Outcome != null)
            {
                return Status.Closed;
            }

            Outcome = outcome;
        }

        _completed.SetResult(outcome);
        return Status.Ok;
    }

    private static Dictionary<string, object> PropertiesOf(bool development)
    {
        ServerSettings settings = new SettingsText()
            .Add("app-name", "TestApp").Add("server-name", "owind/9")
            .Add("mode", development ? "development" : "production").Parse();
        return StartupProperties.Create(settings, CancellationToken.None, static _ => { });
    }

    private Status? Over() =>
        Outcome != null ? Status.Closed : _everything != Status.Ok ? _everything : null;

    private enum Enter
    {
        Start,
        Ready,
        Abort,
    }

    private Status Call(Enter what, EnterFlags flags, int argument)
    {
        int entered = 0;
        Status status = what switch
        {
            Enter.Start => FakeBoundary.Managed->Start(Token, _block, flags, &entered),
            Enter.Ready => FakeBoundary.Managed->OnReady(Token, (Ready)argument, flags, &entered),
            _ => FakeBoundary.Managed->OnAbort(Token, (AbortReason)argument, flags, &entered),
        };
        return entered == 1 ? status : throw new InvalidOperationException("the call did not say that it was entered");
    }

    private RequestBlock* BuildBlock()
    {
        var bytes = new List<byte>(new byte[sizeof(RequestBlock)]);
        var header = new RequestBlock
        {
            Generation = (uint)(Token >> 32),
            Flags = Flags,
            FieldCount = (uint)Fields.Count,
            ContentLength = ContentLength,
        };
        foreach ((RequestSlot slot, string value) in Slots)
        {
            header.Slots[(int)slot] = Append(bytes, Encoding.UTF8.GetBytes(value));
        }

        var fields = new Field[Fields.Count];
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i] = new Field { Name = Append(bytes, Fields[i].Name), Value = Append(bytes, Fields[i].Value) };
        }

        header.FieldsOffset = (uint)bytes.Count;
        bytes.AddRange(MemoryMarshal.AsBytes<Field>(fields));
        header.Size = (uint)bytes.Count;

        byte* memory = (byte*)NativeMemory.Alloc((nuint)bytes.Count);
        CollectionsMarshal.AsSpan(bytes).CopyTo(new Span<byte>(memory, bytes.Count));
        *(RequestBlock*)memory = header;
        return (RequestBlock*)memory;
    }

    private static Slice Append(List<byte> bytes, byte[] value)
    {
        var slice = new Slice { Offset = (uint)bytes.Count, Length = (uint)value.Length };
        bytes.AddRange(value);
        return slice;
    }
}
