// The request body as a Stream: every way of reading that Stream has, over one native call that copies bytes
// into the caller's buffer. Buffers nothing: what is read is what the native side has. Waiting: see BodyStream.

using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;

namespace Owind.Requests;

internal sealed class RequestBodyStream : BodyStream
{
    private bool _ended;
    private long _received;

    internal RequestBodyStream(BridgeRequest request)
        : base(request) => _ended = (request.Flags & RequestFlags.HasNoBody) != 0;

    public override bool CanRead => true;

    public override bool CanWrite => false;

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int Read(Span<byte> buffer)
    {
        EnterTurn();
        try
        {
            if (buffer.IsEmpty || _ended)
            {
                return 0;
            }

            for (;;)
            {
                Arm();
                Status status = Native.Read(Request.Token, buffer, out int transferred);
                if (status != Status.Wait)
                {
                    Disarm();
                    return Result(status, transferred, out Exception? error) ? transferred : throw error!;
                }

                Block();
            }
        }
        finally
        {
            LeaveTurn();
        }
    }

    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        EnterTurn();
        if (buffer.IsEmpty || _ended)
        {
            LeaveTurn();
            return new ValueTask<int>(0);
        }

        BodyWaiter? waiter = null;
        for (;;)
        {
            Arm();
            Status status = Native.Read(Request.Token, buffer.Span, out int transferred);
            if (status != Status.Wait)
            {
                Disarm();
                bool read = Result(status, transferred, out Exception? error);
                LeaveTurn();
                if (waiter != null)
                {
                    return waiter.Finished(transferred, error).Reading;
                }

                return read ? new ValueTask<int>(transferred) : ValueTask.FromException<int>(error!);
            }

            if (waiter == null)
            {
                waiter = RentWaiter();
                waiter.Prepare(buffer, buffer.Length, flush: false, cancellationToken);
            }

            ValueTask<int> reading = waiter.Reading;
            if (TryPark(waiter))
            {
                return reading;
            }
        }
    }

    public override IAsyncResult BeginRead(
        byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    public override int EndRead(IAsyncResult asyncResult) => TaskToAsyncResult.End<int>(asyncResult);

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("The request body cannot be written.");

    private protected override void Resume(BodyWaiter waiter)
    {
        for (;;)
        {
            Arm();
            Status status = Native.Read(
                Request.Token, MemoryMarshal.AsMemory(waiter.Buffer).Span, out int transferred);
            if (status == Status.Wait)
            {
                if (TryPark(waiter))
                {
                    return;
                }

                continue;
            }

            Disarm();
            Result(status, transferred, out Exception? error);
            LeaveTurn();
            waiter.Finished(transferred, error);
            return;
        }
    }

    private bool Result(Status status, int transferred, out Exception? error)
    {
        error = null;
        switch (status)
        {
            case Status.Ok when transferred > 0:
                _received += transferred;
                return true;
            case Status.End:
                _ended = true;
                return true;
            default:
                error = RequestErrors.Reading(status, Request, _received);
                return false;
        }
    }
}
