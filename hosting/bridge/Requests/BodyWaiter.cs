// One asynchronous read or write that waits for the native side: what is left to transfer, the token that may
// cancel it, and the awaiter behind the ValueTask. Used again for later waits of its stream, but only after its
// result was fetched, and not when a cancellation callback may still be on its way.

using System;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;

namespace Owind.Requests;

internal sealed class BodyWaiter : IValueTaskSource<int>, IValueTaskSource
{
    private readonly BodyStream _owner;
    private ManualResetValueTaskSourceCore<int> _core;
    private CancellationTokenRegistration _registration;

    internal BodyWaiter(BodyStream owner) => _owner = owner;

    /// <summary>A read: where to put bytes. A write: the bytes that are left.</summary>
    internal ReadOnlyMemory<byte> Buffer { get; set; }

    /// <summary>A write: whether a flush follows the bytes.</summary>
    internal bool Flush { get; private set; }

    /// <summary>How many bytes the whole operation is about.</summary>
    internal int Total { get; private set; }

    /// <summary>The server itself waits, to send what belongs to a response that the application has left.</summary>
    internal bool IsServers { get; init; }

    internal CancellationToken Cancellation { get; private set; }

    internal ValueTask<int> Reading => new(this, _core.Version);

    internal ValueTask Writing => new(this, _core.Version);

    /// <summary>Fills in the operation. Called before the waiter can be found by on_ready or a cancellation.</summary>
    /// <param name="buffer">What is left of it.</param>
    /// <param name="total">How many bytes it began with.</param>
    internal void Prepare(ReadOnlyMemory<byte> buffer, int total, bool flush, CancellationToken cancellation)
    {
        Buffer = buffer;
        Total = total;
        Flush = flush;
        Cancellation = cancellation;
        if (cancellation.CanBeCanceled)
        {
            _registration = cancellation.UnsafeRegister(
                static state => ((BodyWaiter)state!).OnCancelled(), this);
        }
    }

    /// <summary>Ends the operation; what awaits it runs on this thread before the call returns.</summary>
    /// <param name="error">Null: it went well.</param>
    /// <returns>This, so that an operation which never had to wait can hand out its result.</returns>
    internal BodyWaiter Finished(int transferred, Exception? error)
    {
        if (error == null)
        {
            _core.SetResult(transferred);
        }
        else
        {
            _core.SetException(error);
        }

        return this;
    }

    /// <summary>Ends the operation with an error; what awaits it runs on the thread pool, because this thread
    /// belongs to somebody who does not expect foreign code.</summary>
    internal void FailLater(Exception exception)
    {
        _core.RunContinuationsAsynchronously = true;
        _core.SetException(exception);
    }

    int IValueTaskSource<int>.GetResult(short token) => GetResult(token);

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private int GetResult(short token)
    {
        // Says so when it was awaited before; an operation that is not over may not recycle the waiter either.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            return _core.GetResult(token);
        }

        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            bool untouched = !Cancellation.CanBeCanceled || _registration.Unregister();
            Buffer = default;
            Cancellation = default;
            _registration = default;
            if (untouched)
            {
                _core.RunContinuationsAsynchronously = false;
                _core.Reset();
                _owner.Recycle(this);
            }
        }
    }

    private void OnCancelled() => _owner.Cancel(this);
}
