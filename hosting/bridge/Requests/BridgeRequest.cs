// One request from start() to complete(), without any programming model: reads the block, hands out the two body
// streams and the cancellation token, runs the application, sends the head and reports the end, exactly once.
// What the application is and what a head consists of is the subclass's (OwinEnvironment). Never used for another
// request: an application that keeps a reference keeps this one.

using System;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;

namespace Owind.Requests;

internal abstract unsafe class BridgeRequest : IThreadPoolWorkItem
{
    private const int HeadBufferBytes = 1024;
    private const int ErrorBufferBytes = 512;

    private readonly BlockReader _block;
    private RequestBodyStream? _requestBody;
    private ResponseBodyStream? _responseBody;
    private CancellationTokenSource? _cancellation;
    private Task? _task;
    private int _abortReason;
    private bool _over;
    private bool _peerGone;

    private protected BridgeRequest(ulong token, RequestBlock* block)
    {
        Token = token;
        _block = new BlockReader(block);
    }

    internal ulong Token { get; }

    internal RequestFlags Flags => _block.Flags;

    /// <summary>Why the request was aborted; None: it was not.</summary>
    internal AbortReason AbortReason => (AbortReason)Volatile.Read(ref _abortReason);

    internal RequestBodyStream? RequestBodyIfMade => Volatile.Read(ref _requestBody);

    internal ResponseBodyStream? ResponseBodyIfMade => Volatile.Read(ref _responseBody);

    internal RequestBodyStream RequestBody =>
        RequestBodyIfMade ??
        Interlocked.CompareExchange(ref _requestBody, new RequestBodyStream(this), null) ?? _requestBody;

    internal ResponseBodyStream ResponseBody =>
        ResponseBodyIfMade ??
        Interlocked.CompareExchange(ref _responseBody, new ResponseBodyStream(this), null) ?? _responseBody;

    /// <summary>The head is given, so nothing that it says can be changed.</summary>
    internal bool HeadSent => ResponseBodyIfMade is { HeadSent: true };

    /// <summary>The head is given or being built: too late to ask for a callback before it.</summary>
    internal bool ResponseHasStarted => ResponseBodyIfMade is { HasStarted: true };

    /// <summary>Whether the front end should pass the response on without collecting it. Asked at the head.</summary>
    internal bool Unbuffered { get; set; }

    /// <summary>Cancelled when the request is aborted or the application fails. The source behind it is made when
    /// the token is first asked for and never disposed: whoever holds it may ask at any time.</summary>
    internal CancellationToken Cancellation
    {
        get
        {
            CancellationTokenSource? source = Volatile.Read(ref _cancellation);
            if (source == null)
            {
                source = new CancellationTokenSource();
                source = Interlocked.CompareExchange(ref _cancellation, source, null) ?? source;

                // An abort before the source was there could not reach it. (Both sides store, then look.)
                if (AbortReason != AbortReason.None)
                {
                    source.Cancel();
                }
            }

            return source.Token;
        }
    }

    /// <summary>The Content-Length that the response has given, if it is a number.</summary>
    internal abstract long? DeclaredContentLength { get; }

    /// <summary>The block, for reading.</summary>
    /// <exception cref="ObjectDisposedException">The request is over.</exception>
    internal ref readonly BlockReader Block
    {
        get
        {
            if (Volatile.Read(ref _over))
            {
                throw BlockReader.Gone();
            }

            return ref _block;
        }
    }

    /// <summary>Runs what start() queued on the thread pool.</summary>
    void IThreadPoolWorkItem.Execute() => Run();

    /// <summary>Enters the application. Throws nothing.</summary>
    internal void Run()
    {
        Task? task;
        try
        {
            task = Invoke();
        }
        catch (Exception exception)
        {
            task = Task.FromException(exception);
        }

        _task = task ?? Task.FromException(NoTask());
        if (_task.IsCompleted)
        {
            End();
        }
        else
        {
            _task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(End);
        }
    }

    /// <summary>A native call answered ABORTED, perhaps before on_abort comes: what fails now fails for that.
    /// </summary>
    internal void NotePeerGone() => Volatile.Write(ref _peerGone, true);

    /// <summary>Records an abort. False: there was one before.</summary>
    internal bool TryMarkAborted(AbortReason reason) =>
        Interlocked.CompareExchange(ref _abortReason, (int)reason, (int)AbortReason.None) == (int)AbortReason.None;

    /// <summary>Cancels the token and wakes whatever waits. Only one of them may run here and take its time; the
    /// others must not wait for it.</summary>
    internal void OnAborted()
    {
        BodyStream? reader = RequestBodyIfMade;
        BodyStream? writer = ResponseBodyIfMade;
        bool cancels = Volatile.Read(ref _cancellation) != null;
        WakeOrQueue(reader, othersFollow: cancels || writer is { HasAsynchronousWaiter: true });
        WakeOrQueue(writer, othersFollow: cancels);
        if (cancels)
        {
            Cancel();
        }
    }

    /// <summary>A write that the application did not await is over now, and the application was before.</summary>
    internal void EndAgain() => End();

    /// <summary>Builds the head and gives it to the native side.</summary>
    /// <exception cref="InvalidOperationException">It breaks a response rule; the text says which.</exception>
    /// <exception cref="System.IO.IOException">The request was aborted.</exception>
    internal void SendHead(HeadFlags flags)
    {
        if (Unbuffered)
        {
            flags |= HeadFlags.Unbuffered;
        }

        var writer = new HeadWriter(stackalloc byte[HeadBufferBytes]);
        try
        {
            WriteHead(ref writer, flags);
            GiveHead(writer.Finish());
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>The last chance to change the head: runs the application's callbacks.</summary>
    internal abstract void OnSendingHead();

    /// <summary>The application has closed a body, which does nothing.</summary>
    internal virtual void OnBodyClosed(bool isRequestBody)
    {
    }

    /// <summary>Which request this is, for messages.</summary>
    internal abstract string Describe();

    /// <summary>Calls the application.</summary>
    private protected abstract Task? Invoke();

    /// <summary>Writes status, reason and fields as the application has left them.</summary>
    private protected abstract void WriteHead(ref HeadWriter writer, HeadFlags flags);

    /// <summary>The exception for an application that returned null instead of a Task.</summary>
    private protected abstract Exception NoTask();

    /// <summary>A page of our own that shows the exception, or null: the native side has a plain one.</summary>
    private protected abstract byte[]? ErrorPage(Exception exception);

    /// <summary>Writes the head of the page from <see cref="ErrorPage"/>.</summary>
    private protected abstract void WriteErrorHead(ref HeadWriter writer, int pageBytes);

    private bool IsAborted => AbortReason != AbortReason.None || Volatile.Read(ref _peerGone);

    private void GiveHead(ReadOnlySpan<byte> head)
    {
        Span<byte> error = stackalloc byte[ErrorBufferBytes];
        Status status = Native.Head(Token, head, error, out int errorLength);
        switch (status)
        {
            case Status.Ok:
                return;
            case Status.Invalid or Status.Unsupported:
                string reason = RequestText.Decode(error[..errorLength]);
                throw new InvalidOperationException(
                    reason.Length > 0 ? reason : $"The response head is not valid: the server answered {status}.");
            default:
                throw RequestErrors.Writing(status, this);
        }
    }

    /// <summary>The application's Task has ended. Throws nothing.</summary>
    private void End()
    {
        try
        {
            Task task = _task!;
            if (!task.IsCompletedSuccessfully)
            {
                Fail(task);
                return;
            }

            ResponseBodyStream body = ResponseBody;
            if (!body.TryEnd(out ValueTask rest))
            {
                return;
            }

            if (!rest.IsCompletedSuccessfully)
            {
                CompleteAfter(rest);
                return;
            }

            Complete(body.IsBroken ? Outcome.Faulted : Outcome.Completed);
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    private void Fail(Task task)
    {
        if (task.IsCanceled)
        {
            LogFailure("the application's Task was cancelled", new TaskCanceledException(task));
            Finish(Outcome.Cancelled);
            return;
        }

        Exception exception = task.Exception!;
        Fail(exception is AggregateException { InnerExceptions: [var only] } ? only : exception);
    }

    private void Fail(Exception exception)
    {
        LogFailure("the application failed", exception);
        try
        {
            if (!IsAborted && ErrorPage(exception) is { } page && ResponseBody.TrySeize())
            {
                CancelSafely();
                SendErrorHead(page.Length);
                CompleteAfter(ResponseBody.SendSeizedAsync(page));
                return;
            }
        }
        catch (Exception again)
        {
            Log.Exception(LogLevel.Error, "the error page could not be sent", again, Token);
        }

        Finish(Outcome.Faulted);
    }

    private void SendErrorHead(int pageBytes)
    {
        var writer = new HeadWriter(stackalloc byte[HeadBufferBytes]);
        try
        {
            WriteErrorHead(ref writer, pageBytes);
            GiveHead(writer.Finish());
        }
        finally
        {
            writer.Dispose();
        }
    }

    private void CompleteAfter(ValueTask rest)
    {
        if (rest.IsCompletedSuccessfully)
        {
            Complete(Outcome.Completed);
            return;
        }

        Task task = rest.AsTask();
        task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() =>
        {
            if (task.Exception is { } error)
            {
                LogFailure("the end of the response could not be sent", error.InnerException ?? error);
            }

            Complete(task.IsCompletedSuccessfully ? Outcome.Completed : Outcome.Faulted);
        });
    }

    /// <summary>Ends a failed request: the token fires (OWIN 1.0.1 §3.6), whatever waits fails.</summary>
    private void Finish(Outcome outcome)
    {
        CancelSafely();
        Complete(outcome);
    }

    private void Complete(Outcome outcome)
    {
        // Before the native side is told: from then on the block and the token may be another request's.
        Volatile.Write(ref _over, true);
        RequestBodyIfMade?.CloseNow();
        ResponseBodyIfMade?.CloseNow();
        RequestTable.Remove(this);
        Native.Complete(Token, outcome);
    }

    private void CancelSafely()
    {
        if (Volatile.Read(ref _cancellation) != null)
        {
            Cancel();
        }
    }

    private void Cancel()
    {
        try
        {
            _cancellation!.Cancel();
        }
        catch (AggregateException exception)
        {
            Log.Exception(LogLevel.Error, "a callback of the request's cancellation token failed", exception, Token);
        }
    }

    private void LogFailure(string what, Exception exception)
    {
        // What follows from the client's going away is no failure of the application.
        bool expected = IsAborted &&
                        exception is (OperationCanceledException or System.IO.IOException or ObjectDisposedException);
        Log.Exception(expected ? LogLevel.Debug : LogLevel.Error, what, exception, Token);
    }

    private static void WakeOrQueue(BodyStream? stream, bool othersFollow)
    {
        if (stream == null)
        {
            return;
        }

        if (othersFollow && stream.HasAsynchronousWaiter)
        {
            ThreadPool.UnsafeQueueUserWorkItem(stream, preferLocal: false);
        }
        else
        {
            stream.Wake();
        }
    }
}
