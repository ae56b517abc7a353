// The managed functions that native code calls. Each one reports its entry first where the contract says so,
// does one call, and lets no exception out: an exception that crossed into native frames would end the process.

using System;
using System.Runtime.InteropServices;
using System.Threading;
using Owind.Hosting;
using Owind.Requests;

namespace Owind.Boundary;

internal static unsafe class ManagedExports
{
    /// <summary>Fills in the functions that <paramref name="table"/> has room for.</summary>
    internal static void Fill(ManagedTable* table)
    {
        table->Size = (uint)sizeof(ManagedTable);
        table->AbiVersion = Abi.Version;
        table->Configure = &Configure;
        table->Start = &Start;
        table->OnReady = &OnReady;
        table->OnAbort = &OnAbort;
        table->Stop = &Stop;
        table->Selftest = &AnswerSelftest;
    }

    [UnmanagedCallersOnly]
    private static Status Configure(
        byte* settings, int length, int count, byte* error, int errorCapacity, int* errorLength)
    {
        try
        {
            ErrorText.Write(string.Empty, error, errorCapacity, errorLength);
            ApplicationHost.Configure(ServerSettings.Parse(new ReadOnlySpan<byte>(settings, length), count));
            return Status.Ok;
        }
        catch (Exception exception)
        {
            ErrorText.Write(ApplicationHost.ExplainFailure(exception), error, errorCapacity, errorLength);
            return Status.Failed;
        }
    }

    [UnmanagedCallersOnly]
    private static Status Start(ulong token, RequestBlock* block, EnterFlags flags, int* entered)
    {
        Volatile.Write(ref *entered, 1);
        try
        {
            return RequestDispatcher.Start(token, block, flags);
        }
        catch (Exception exception)
        {
            Log.Exception(LogLevel.Error, "the request could not be started", exception, token);
            return Status.Failed;
        }
    }

    [UnmanagedCallersOnly]
    private static Status OnReady(ulong token, Ready ready, EnterFlags flags, int* entered)
    {
        Volatile.Write(ref *entered, 1);
        try
        {
            return RequestDispatcher.OnReady(token, ready, flags);
        }
        catch (Exception exception)
        {
            Log.Exception(LogLevel.Error, "a read or write could not be resumed", exception, token);
            return Status.Failed;
        }
    }

    [UnmanagedCallersOnly]
    private static Status OnAbort(ulong token, AbortReason reason, EnterFlags flags, int* entered)
    {
        Volatile.Write(ref *entered, 1);
        try
        {
            return RequestDispatcher.OnAbort(token, reason, flags);
        }
        catch (Exception exception)
        {
            Log.Exception(LogLevel.Error, "the request could not be aborted", exception, token);
            return Status.Failed;
        }
    }

    [UnmanagedCallersOnly]
    private static Status Stop(StopKind what)
    {
        try
        {
            if (what != StopKind.Dispose)
            {
                return Status.Unsupported;
            }

            ApplicationHost.DisposeCurrent();
            return Status.Ok;
        }
        catch (Exception exception)
        {
            Log.Exception(LogLevel.Error, "the application could not be stopped", exception);
            return Status.Failed;
        }
    }

    [UnmanagedCallersOnly]
    private static Status AnswerSelftest(Selftest* question, Selftest* answer)
    {
        // Field by field, each through its own type: a copy of the whole would hide a field at the wrong place.
        answer->Size = question->Size;
        answer->I32 = question->I32;
        answer->U64 = question->U64;
        answer->I64 = question->I64;
        answer->Pointer = question->Pointer;
        answer->Slice.Offset = question->Slice.Offset;
        answer->Slice.Length = question->Slice.Length;
        return Status.Ok;
    }
}
