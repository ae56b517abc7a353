// Enters the application: for a new request, for a read or write that may go on, and for an abort; on the calling
// thread or, where the native side asks for it, on the thread pool. Every entry runs under the default execution
// context and the one before it is restored afterwards, so whatever an application leaves behind on the thread
// (AsyncLocals, culture, principal, synchronization context) is not there for the next call.

using System.Threading;
using Owind.Boundary;

namespace Owind.Requests;

internal static unsafe class RequestDispatcher
{
    private static readonly ExecutionContext s_defaultContext = CaptureDefault();
    private static readonly ContextCallback s_run = static state =>
    {
        LeaveSynchronizationContext();
        ((BridgeRequest)state!).Run();
    };

    private static readonly ContextCallback s_wake = static state =>
    {
        LeaveSynchronizationContext();
        ((BodyStream)state!).Wake();
    };

    private static readonly ContextCallback s_abort = static state =>
    {
        LeaveSynchronizationContext();
        ((BridgeRequest)state!).OnAborted();
    };

    private static RequestFactory? s_factory;

    /// <summary>Sets what serves requests from now on. Before that, start() fails.</summary>
    internal static void Serve(RequestFactory factory) => Volatile.Write(ref s_factory, factory);

    internal static Status Start(ulong token, RequestBlock* block, EnterFlags flags)
    {
        RequestFactory? factory = Volatile.Read(ref s_factory);
        if (factory == null)
        {
            return Status.Failed;
        }

        BridgeRequest request = factory.Create(token, block);
        if (RequestTable.Add(request) is var reason and not AbortReason.None)
        {
            // Nothing of it is made yet that could wait: the token will be cancelled from the start.
            request.TryMarkAborted(reason);
        }

        if ((flags & EnterFlags.Queue) != 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(request, preferLocal: false);
        }
        else
        {
            ExecutionContext.Run(s_defaultContext, s_run, request);
        }

        return Status.Ok;
    }

    internal static Status OnReady(ulong token, Ready ready, EnterFlags flags)
    {
        BridgeRequest? request = RequestTable.Find(token);
        if (request == null)
        {
            return Status.Closed;
        }

        BodyStream? reader = (ready & Ready.Read) != 0 ? request.RequestBodyIfMade : null;
        BodyStream? writer = (ready & Ready.Write) != 0 ? request.ResponseBodyIfMade : null;
        bool queue = (flags & EnterFlags.Queue) != 0;

        // Both at once: what waits for the one may take long, and the other must not wait for that.
        if (writer != null && (queue || reader != null))
        {
            ThreadPool.UnsafeQueueUserWorkItem(writer, preferLocal: false);
            writer = null;
        }

        if (reader != null && queue)
        {
            ThreadPool.UnsafeQueueUserWorkItem(reader, preferLocal: false);
            reader = null;
        }

        if ((reader ?? writer) is { } one)
        {
            ExecutionContext.Run(s_defaultContext, s_wake, one);
        }

        return Status.Ok;
    }

    internal static Status OnAbort(ulong token, AbortReason reason, EnterFlags flags)
    {
        BridgeRequest? request = RequestTable.FindOrKeepAbort(token, reason);
        if (request == null)
        {
            return Status.Closed;
        }

        if (!request.TryMarkAborted(reason))
        {
            return Status.Ok;
        }

        if ((flags & EnterFlags.Queue) != 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static aborted => aborted.OnAborted(), request, preferLocal: false);
        }
        else
        {
            ExecutionContext.Run(s_defaultContext, s_abort, request);
        }

        return Status.Ok;
    }

    // ExecutionContext.Run puts the thread's own back afterwards, but does not take it away before.
    private static void LeaveSynchronizationContext()
    {
        if (SynchronizationContext.Current != null)
        {
            SynchronizationContext.SetSynchronizationContext(null);
        }
    }

    private static ExecutionContext CaptureDefault()
    {
        // The calling thread may have a context of its own already; one that starts unflowed has not.
        ExecutionContext? context = null;
        var thread = new Thread(() => context = ExecutionContext.Capture());
        thread.UnsafeStart();
        thread.Join();
        return context!;
    }
}
