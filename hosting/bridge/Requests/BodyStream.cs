// What the two body streams have in common: one operation at a time (the turn), waiting for on_ready without
// losing a wake-up, blocking waits, and the members of Stream that a body cannot have. Transfers nothing itself.
//
// Waiting. Before each native call that may answer WAIT the stream is armed; on_ready and on_abort leave a mark
// if they come before the waiter is in place, and the native call is then made again. Waking always means asking
// the native side again, so a wake-up too many does no harm.

using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;

namespace Owind.Requests;

internal abstract class BodyStream : Stream, IThreadPoolWorkItem
{
    /// <summary>States of <see cref="_turn"/>.</summary>
    private const int Free = 0;
    private const int Taken = 1;
    private const int TakenAndEnding = 2;
    private const int Closed = 3;

    // Marks in _wait: a native call is under way; on_ready came during it.
    private static readonly object s_armed = new();
    private static readonly object s_woken = new();

    // null, a mark, a BodyWaiter, or the ManualResetEventSlim that a blocked thread waits for.
    private object? _wait;
    private BodyWaiter? _spare;
    private int _turn;

    private protected BodyStream(BridgeRequest request) => Request = request;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException("A body has no length: it is a stream.");

    public override long Position
    {
        get => throw new NotSupportedException("A body has no position: it is a stream.");
        set => throw new NotSupportedException("A body has no position: it is a stream.");
    }

    private protected BridgeRequest Request { get; }

    private protected bool IsClosed => Volatile.Read(ref _turn) == Closed;

    public override long Seek(long offset, SeekOrigin origin) =>
        throw new NotSupportedException("A body cannot seek: it is a stream.");

    public override void SetLength(long value) =>
        throw new NotSupportedException("A body has no length: it is a stream.");

    /// <summary>Does nothing: the server owns the body (OWIN 1.0.1 §3.4, §3.5), later reads and writes work.</summary>
    public override void Close() => Request.OnBodyClosed(CanRead);

    public override ValueTask DisposeAsync()
    {
        Request.OnBodyClosed(CanRead);
        return default;
    }

    /// <summary>Runs what on_ready queued. On the thread pool nobody is there to catch.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            Wake();
        }
        catch (Exception exception)
        {
            Log.Exception(LogLevel.Error, "a read or write could not be resumed", exception, Request.Token);
        }
    }

    /// <summary>on_ready or on_abort: the native side has something new to say to this direction.</summary>
    internal void Wake()
    {
        for (;;)
        {
            object? seen = Volatile.Read(ref _wait);
            if (seen == null || ReferenceEquals(seen, s_woken))
            {
                return;
            }

            object? next = ReferenceEquals(seen, s_armed) ? s_woken : null;
            if (!ReferenceEquals(Interlocked.CompareExchange(ref _wait, next, seen), seen))
            {
                continue;
            }

            switch (seen)
            {
                case BodyWaiter waiter:
                    Resume(waiter);
                    break;
                case ManualResetEventSlim blocked:
                    blocked.Set();
                    break;
            }

            return;
        }
    }

    /// <summary>Whether <see cref="Wake"/> would run code that may take long.</summary>
    internal bool HasAsynchronousWaiter => Volatile.Read(ref _wait) is BodyWaiter;

    /// <summary>The token of a waiting operation was cancelled.</summary>
    internal void Cancel(BodyWaiter waiter)
    {
        CancellationToken cancellation = waiter.Cancellation;
        if (TryUnpark(waiter))
        {
            OnCancelled(waiter);
            LeaveTurn();
            waiter.FailLater(new OperationCanceledException(cancellation));
        }
    }

    /// <summary>Takes back a waiter whose result was fetched.</summary>
    internal void Recycle(BodyWaiter waiter) => Volatile.Write(ref _spare, waiter);

    /// <summary>Ends the stream at once: whatever waits fails, whatever comes later fails.</summary>
    internal void CloseNow()
    {
        Interlocked.Exchange(ref _turn, Closed);
        switch (Interlocked.Exchange(ref _wait, s_woken))
        {
            case BodyWaiter waiter:
                waiter.FailLater(RequestErrors.Over());
                break;
            case ManualResetEventSlim blocked:
                blocked.Set();
                break;
        }
    }

    /// <summary>Closes the stream unless an operation is under way; then <see cref="OnEnding"/> is called when
    /// that is over.</summary>
    private protected bool TryCloseWhenFree()
    {
        for (;;)
        {
            int seen = Volatile.Read(ref _turn);
            if (seen == Closed)
            {
                return true;
            }

            int next = seen == Free ? Closed : TakenAndEnding;
            if (Interlocked.CompareExchange(ref _turn, next, seen) == seen)
            {
                return next == Closed;
            }
        }
    }

    /// <summary>Goes on with an operation that waited, on the thread of on_ready.</summary>
    private protected abstract void Resume(BodyWaiter waiter);

    /// <summary>A waiting operation is about to fail with its token's exception.</summary>
    private protected virtual void OnCancelled(BodyWaiter waiter)
    {
    }

    /// <summary>The operation that <see cref="TryCloseWhenFree"/> met is over.</summary>
    private protected virtual void OnEnding()
    {
    }

    /// <summary>Claims the direction for one operation.</summary>
    /// <exception cref="InvalidOperationException">Another one is under way.</exception>
    /// <exception cref="ObjectDisposedException">The request is over.</exception>
    private protected void EnterTurn()
    {
        int seen = Interlocked.CompareExchange(ref _turn, Taken, Free);
        if (seen != Free)
        {
            throw seen == Closed ? RequestErrors.Over() : RequestErrors.Concurrent(CanRead);
        }
    }

    private protected void LeaveTurn()
    {
        if (Interlocked.CompareExchange(ref _turn, Free, Taken) == TakenAndEnding)
        {
            Volatile.Write(ref _turn, Free);
            OnEnding();
        }
    }

    /// <summary>To be called before each native call that may answer WAIT.</summary>
    private protected void Arm() => Volatile.Write(ref _wait, s_armed);

    /// <summary>To be called when the native call did not answer WAIT.</summary>
    private protected void Disarm() => Volatile.Write(ref _wait, null);

    private protected BodyWaiter RentWaiter() =>
        Interlocked.Exchange(ref _spare, null) ?? new BodyWaiter(this);

    /// <summary>Puts the waiter where on_ready finds it. False: on_ready was faster, make the call again.
    /// True: the operation may be over already when this returns; touch nothing of it.</summary>
    private protected bool TryPark(BodyWaiter waiter)
    {
        if (!TryPark((object)waiter))
        {
            return false;
        }

        // Both may have come while nobody could find the waiter.
        if (waiter.Cancellation.IsCancellationRequested)
        {
            Cancel(waiter);
        }
        else if (IsClosed && !waiter.IsServers && TryUnpark(waiter))
        {
            waiter.FailLater(RequestErrors.Over());
        }

        return true;
    }

    /// <summary>Waits on this thread until the native call is worth repeating.</summary>
    /// <exception cref="InvalidOperationException">This thread may not be blocked.</exception>
    private protected void Block()
    {
        if (Native.Blocking(Request.Token) == Status.Refused)
        {
            Disarm();
            throw RequestErrors.BlockingRefused();
        }

        var wakeUp = new ManualResetEventSlim(initialState: false, spinCount: 0);
        if (!TryPark(wakeUp))
        {
            return;
        }

        try
        {
            if (!IsClosed)
            {
                wakeUp.Wait();
            }
        }
        finally
        {
            // Only if the wait was interrupted is it still there.
            TryUnpark(wakeUp);
        }
    }

    private bool TryPark(object waiter) =>
        ReferenceEquals(Interlocked.CompareExchange(ref _wait, waiter, s_armed), s_armed);

    private bool TryUnpark(object waiter) =>
        ReferenceEquals(Interlocked.CompareExchange(ref _wait, null, waiter), waiter);
}
