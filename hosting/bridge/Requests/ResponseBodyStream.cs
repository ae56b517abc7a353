// The response body as a Stream, and with it the life of the response: Idle, Sending, Sent, by one
// compare-exchange at the first write or flush, or at the end of the request. The head is the request's to build
// (BridgeRequest.SendHead); this class says when. Bytes are handed to the native side, which copies what it can
// take; nothing is buffered here but what an OnSendingHeaders callback writes, which must follow the head.

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;
using Owind.Boundary;

namespace Owind.Requests;

internal sealed class ResponseBodyStream : BodyStream
{
    private enum State
    {
        Idle,
        Sending,
        Sent,

        /// <summary>A callback threw before the head: nothing of the application's response may be sent.</summary>
        Failed,
    }

    private int _state;

    // The thread that runs the callbacks while Sending: only its writes belong behind the head.
    private int _sender;
    private Queue<ReadOnlyMemory<byte>>? _behindHead;
    private long _written;
    private bool _broken;

    internal ResponseBodyStream(BridgeRequest request)
        : base(request)
    {
    }

    public override bool CanRead => false;

    public override bool CanWrite => true;

    /// <summary>The head is given, or callbacks that may change it are running.</summary>
    internal bool HasStarted => (State)Volatile.Read(ref _state) is State.Sending or State.Sent;

    /// <summary>The head is given: what it says cannot be changed.</summary>
    internal bool HeadSent => (State)Volatile.Read(ref _state) == State.Sent;

    /// <summary>Bytes of the body that the native side has taken.</summary>
    internal long Written => Volatile.Read(ref _written);

    /// <summary>A cancelled write left a hole: the response must not look complete.</summary>
    internal bool IsBroken => Volatile.Read(ref _broken);

    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (TryKeepBehindHead(buffer))
        {
            return;
        }

        EnterTurn();
        try
        {
            EnsureHead();
            DrainBehindHead();
            while (!buffer.IsEmpty)
            {
                Arm();
                Status status = Native.Write(Request.Token, buffer, out int taken);
                _written += taken;
                buffer = buffer[taken..];
                if (status == Status.Wait)
                {
                    Block();
                    continue;
                }

                Disarm();
                if (status != Status.Ok)
                {
                    throw Failure(status, buffer.Length);
                }
            }
        }
        finally
        {
            LeaveTurn();
        }
    }

    public override void WriteByte(byte value) => Write(new ReadOnlySpan<byte>(in value));

    public override void Flush()
    {
        if (TryKeepBehindHead(default))
        {
            return;
        }

        EnterTurn();
        try
        {
            EnsureHead();
            DrainBehindHead();
            for (;;)
            {
                Arm();
                Status status = Native.Flush(Request.Token);
                if (status != Status.Wait)
                {
                    Disarm();
                    if (status != Status.Ok)
                    {
                        throw Failure(status, 0);
                    }

                    return;
                }

                Block();
            }
        }
        finally
        {
            LeaveTurn();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return TransferAsync(new ReadOnlyMemory<byte>(buffer, offset, count), flush: false, cancellationToken).AsTask();
    }

    public override ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        TransferAsync(buffer, flush: false, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        TransferAsync(default, flush: true, cancellationToken).AsTask();

    public override IAsyncResult BeginWrite(
        byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("The response body cannot be read.");

    /// <summary>Sends part of a file without copying it through this process, if the server can.</summary>
    /// <returns>False: it cannot, and nothing was sent.</returns>
    internal ValueTask<bool> SendFileAsync(SafeFileHandle file, long offset, long count, CancellationToken cancellation)
    {
        EnterTurn();
        Status status;
        try
        {
            EnsureHead();
            if (_behindHead != null)
            {
                LeaveTurn();
                return new ValueTask<bool>(false);
            }

            Arm();
            status = Native.SendFile(Request.Token, file, offset, count);
        }
        catch
        {
            LeaveTurn();
            throw;
        }

        if (status == Status.Unsupported)
        {
            Disarm();
            LeaveTurn();
            return new ValueTask<bool>(false);
        }

        _written += status is Status.Ok or Status.Wait ? count : 0;
        BodyWaiter? waiter = null;
        ReadOnlyMemory<byte> nothing = default;
        while (status == Status.Wait)
        {
            if (waiter == null)
            {
                waiter = RentWaiter();
                waiter.Prepare(default, 0, flush: true, cancellation);
            }

            ValueTask sending = waiter.Writing;
            if (TryPark(waiter))
            {
                return Sent(sending);
            }

            status = Transfer(ref nothing, flush: true);
        }

        Disarm();
        Exception? error = status == Status.Ok ? null : Failure(status, (int)Math.Min(count, int.MaxValue));
        LeaveTurn();
        return waiter != null ? Sent(waiter.Finished(0, error).Writing)
            : error == null ? new ValueTask<bool>(true)
            : ValueTask.FromException<bool>(error);

        static async ValueTask<bool> Sent(ValueTask sending)
        {
            await sending.ConfigureAwait(false);
            return true;
        }
    }

    /// <summary>Ends a response whose application has returned without an error: sends the head if nothing has.
    /// </summary>
    /// <returns>False: a write that the application did not await is under way; the request is told to end
    /// again when that is over.</returns>
    /// <exception cref="Exception">The head could not be sent.</exception>
    internal bool TryEnd(out ValueTask rest)
    {
        rest = default;
        if (!TryCloseWhenFree())
        {
            return false;
        }

        if ((State)_state == State.Failed)
        {
            throw RequestErrors.CallbackFailed();
        }

        if ((State)_state == State.Idle)
        {
            SendHead(HeadFlags.NoBodyFollows);
            if (_behindHead != null)
            {
                rest = DrainBehindHeadAsync();
            }
        }

        return true;
    }

    /// <summary>Takes the response out of the application's hands, for a server's own page. False: its head was
    /// given, or is being given.</summary>
    internal bool TrySeize()
    {
        CloseNow();
        return (State)Interlocked.CompareExchange(ref _state, (int)State.Sent, (int)State.Idle) == State.Idle ||
               (State)Interlocked.CompareExchange(ref _state, (int)State.Sent, (int)State.Failed) == State.Failed;
    }

    /// <summary>Sends bytes of the server's own, after <see cref="TrySeize"/> and a head.</summary>
    internal ValueTask SendSeizedAsync(ReadOnlyMemory<byte> bytes)
    {
        (_behindHead = new Queue<ReadOnlyMemory<byte>>()).Enqueue(bytes);
        return DrainBehindHeadAsync();
    }

    private protected override void Resume(BodyWaiter waiter)
    {
        for (;;)
        {
            ReadOnlyMemory<byte> rest = waiter.Buffer;
            Status status = Transfer(ref rest, waiter.Flush);
            waiter.Buffer = rest;
            if (status == Status.Wait)
            {
                if (TryPark(waiter))
                {
                    return;
                }

                continue;
            }

            Disarm();
            Exception? error = status == Status.Ok ? null : Failure(status, rest.Length);
            LeaveTurn();
            waiter.Finished(0, error);
            return;
        }
    }

    private protected override void OnCancelled(BodyWaiter waiter)
    {
        // Part of the write was sent: without the rest the body has a hole.
        if (!waiter.Buffer.IsEmpty && waiter.Buffer.Length < waiter.Total)
        {
            Volatile.Write(ref _broken, true);
        }
    }

    private protected override void OnEnding() => Request.EndAgain();

    private ValueTask TransferAsync(ReadOnlyMemory<byte> buffer, bool flush, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (TryKeepBehindHead(buffer.Span))
        {
            return default;
        }

        EnterTurn();
        try
        {
            EnsureHead();
        }
        catch
        {
            LeaveTurn();
            throw;
        }

        int total = buffer.Length;
        BodyWaiter? waiter = null;
        for (;;)
        {
            Status status = Transfer(ref buffer, flush);
            if (status != Status.Wait)
            {
                Disarm();
                Exception? error = status == Status.Ok ? null : Failure(status, buffer.Length);
                LeaveTurn();
                if (waiter != null)
                {
                    return waiter.Finished(0, error).Writing;
                }

                return error == null ? default : ValueTask.FromException(error);
            }

            if (waiter == null)
            {
                waiter = RentWaiter();
                waiter.Prepare(buffer, total, flush, cancellationToken);
            }

            waiter.Buffer = buffer;
            ValueTask writing = waiter.Writing;
            if (TryPark(waiter))
            {
                return writing;
            }
        }
    }

    /// <summary>Offers what waits behind the head, then the bytes, then the flush. Leaves the stream armed.</summary>
    private Status Transfer(ref ReadOnlyMemory<byte> buffer, bool flush)
    {
        while (_behindHead != null)
        {
            ReadOnlyMemory<byte> chunk = _behindHead.Dequeue();
            Status status = TransferChunk(ref chunk);
            if (status != Status.Ok)
            {
                PutBackBehindHead(chunk);
                return status;
            }

            if (_behindHead.Count == 0)
            {
                _behindHead = null;
            }
        }

        Status written = TransferChunk(ref buffer);
        if (written != Status.Ok || !flush)
        {
            return written;
        }

        Arm();
        return Native.Flush(Request.Token);
    }

    private Status TransferChunk(ref ReadOnlyMemory<byte> chunk)
    {
        if (chunk.IsEmpty)
        {
            return Status.Ok;
        }

        Arm();
        Status status = Native.Write(Request.Token, chunk.Span, out int taken);
        _written += taken;
        chunk = chunk[taken..];
        return status;
    }

    private void EnsureHead()
    {
        if ((State)_state != State.Sent)
        {
            SendHead(HeadFlags.None);
        }

        if (_broken)
        {
            throw RequestErrors.Broken();
        }
    }

    private void SendHead(HeadFlags flags)
    {
        State seen = (State)Interlocked.CompareExchange(ref _state, (int)State.Sending, (int)State.Idle);
        if (seen != State.Idle)
        {
            throw seen == State.Failed ? RequestErrors.CallbackFailed() : RequestErrors.Concurrent(reading: false);
        }

        try
        {
            RunCallbacks();
        }
        catch
        {
            Volatile.Write(ref _state, (int)State.Failed);
            throw;
        }

        try
        {
            Request.SendHead(_behindHead == null ? flags : flags & ~HeadFlags.NoBodyFollows);
        }
        catch
        {
            // Nothing was sent: the application may mend its headers and write again.
            Volatile.Write(ref _state, (int)State.Idle);
            throw;
        }

        Volatile.Write(ref _state, (int)State.Sent);
    }

    private void RunCallbacks()
    {
        Volatile.Write(ref _sender, Environment.CurrentManagedThreadId);
        try
        {
            Request.OnSendingHead();
        }
        finally
        {
            Volatile.Write(ref _sender, 0);
        }
    }

    /// <summary>A write or flush inside an OnSendingHeaders callback: keeps a copy for after the head.</summary>
    private bool TryKeepBehindHead(ReadOnlySpan<byte> bytes)
    {
        if (Volatile.Read(ref _sender) == 0 || _sender != Environment.CurrentManagedThreadId)
        {
            return false;
        }

        if (!bytes.IsEmpty)
        {
            (_behindHead ??= new Queue<ReadOnlyMemory<byte>>()).Enqueue(bytes.ToArray());
        }

        return true;
    }

    private void PutBackBehindHead(ReadOnlyMemory<byte> chunk)
    {
        var queue = new Queue<ReadOnlyMemory<byte>>(_behindHead!.Count + 1);
        queue.Enqueue(chunk);
        while (_behindHead.TryDequeue(out ReadOnlyMemory<byte> next))
        {
            queue.Enqueue(next);
        }

        _behindHead = queue;
    }

    /// <summary>Writes what callbacks left behind the head, waiting on this thread if need be.</summary>
    private void DrainBehindHead()
    {
        while (_behindHead != null)
        {
            ReadOnlyMemory<byte> nothing = default;
            Status status = Transfer(ref nothing, flush: false);
            if (status == Status.Wait)
            {
                Block();
                continue;
            }

            Disarm();
            if (status != Status.Ok)
            {
                throw Failure(status, 0);
            }
        }
    }

    /// <summary>The same for a response that has ended, when nobody else can write any more.</summary>
    private async ValueTask DrainBehindHeadAsync()
    {
        for (;;)
        {
            ReadOnlyMemory<byte> nothing = default;
            Status status = Transfer(ref nothing, flush: false);
            if (status == Status.Ok)
            {
                Disarm();
                return;
            }

            if (status != Status.Wait)
            {
                Disarm();
                throw Failure(status, 0);
            }

            var waiter = new BodyWaiter(this) { IsServers = true };
            ValueTask writing = waiter.Writing;
            if (TryPark(waiter))
            {
                await writing.ConfigureAwait(false);
                return;
            }
        }
    }

    private Exception Failure(Status status, int refused) => status == Status.TooManyBytes
        ? RequestErrors.TooManyBytes(_written + refused, Request.DeclaredContentLength)
        : RequestErrors.Writing(status, Request);
}
