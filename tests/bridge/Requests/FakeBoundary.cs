// The native half for tests: a table of functions that answer from FakeRequest objects, and the managed table that
// the bridge filled in for it. One for the whole test process, as the bridge itself is; requests are told apart by
// their tokens, so tests may run side by side.

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Owind.Boundary;
using Owind.Hosting;
using Owind.Requests;

namespace Owind.Tests.Requests;

internal static unsafe class FakeBoundary
{
    private static readonly ConcurrentDictionary<ulong, FakeRequest> s_requests = new();
    private static readonly ManagedTable* s_managed;
    private static int s_slot;

    static FakeBoundary()
    {
        s_managed = (ManagedTable*)NativeMemory.AllocZeroed((nuint)sizeof(ManagedTable));
        NativeTable native = CreateNativeTable();
        s_managed->Size = (uint)sizeof(ManagedTable);
        string error = BootstrapWith(&native, s_managed, NativeLayout.Complete());
        if (error.Length > 0)
        {
            throw new InvalidOperationException(error);
        }

        RequestDispatcher.Serve(new Factory());
    }

    /// <summary>Before the first test of the assembly: whichever that is, the bridge has its boundary.</summary>
    [ModuleInitializer]
    internal static void Install() => RuntimeHelpers.RunClassConstructor(typeof(FakeBoundary).TypeHandle);

    /// <summary>Log records of no request.</summary>
    internal static ConcurrentQueue<(LogLevel Level, string Text)> Log { get; } = new();

    internal static ManagedTable* Managed => s_managed;

    internal static NativeTable CreateNativeTable() => new()
    {
        Size = (uint)sizeof(NativeTable),
        AbiVersion = Abi.Version,
        Read = &Read,
        Write = &Write,
        Flush = &Flush,
        Head = &Head,
        Blocking = &Blocking,
        Next = &Next,
        Complete = &Complete,
        Log = &WriteLog,
        SendFile = &SendFile,
    };

    /// <summary>Calls the entry point; the text of the error buffer, empty when it succeeded.</summary>
    internal static string BootstrapWith(
        NativeTable* native, ManagedTable* managed, IReadOnlyList<NativeLayout.Entry> layout, uint version = Abi.Version)
    {
        const int capacity = 1024;
        byte* error = stackalloc byte[capacity];
        int errorLength = -1;
        using var entries = new NativeLayout(layout);
        var arguments = new BootstrapArguments
        {
            Size = (uint)sizeof(BootstrapArguments),
            AbiVersion = version,
            Native = native,
            Managed = managed,
            Layout = entries.Entries,
            LayoutCount = layout.Count,
            Error = error,
            ErrorCapacity = capacity,
            ErrorLength = &errorLength,
        };
        delegate* unmanaged<void*, int, int> initialize = &Bootstrap.Initialize;
        int status = initialize(&arguments, sizeof(BootstrapArguments));
        string text = Encoding.UTF8.GetString(error, errorLength);
        return (status == (int)Status.Ok) == (text.Length == 0)
            ? text
            : throw new InvalidOperationException($"status {status} with text '{text}'");
    }

    /// <summary>Makes the request known under a token of its own.</summary>
    internal static ulong Register(FakeRequest request)
    {
        // The fields of a token as the native side makes it, over two shards and several chunks of slots.
        uint number = (uint)Interlocked.Increment(ref s_slot);
        ulong token = ((ulong)(number + 7) << 32) | ((ulong)(number & 1) << 24) | (number & 0xffffff);
        s_requests[token] = request;
        return token;
    }

    internal static void Forget(ulong token) => s_requests.TryRemove(token, out _);

    // Tokens of CountingRequest: answered without a trace, because they measure allocations.
    internal const ulong CountingToken = 1UL << 63;

    private static bool Counts(ulong token) => (token & CountingToken) != 0;

    private static FakeRequest? Find(ulong token) => s_requests.GetValueOrDefault(token);

    [UnmanagedCallersOnly]
    private static Status Read(ulong token, byte* buffer, int length, int* transferred)
    {
        *transferred = 0;
        return Find(token)?.Read(new Span<byte>(buffer, length), out *transferred) ?? Status.Closed;
    }

    [UnmanagedCallersOnly]
    private static Status Write(ulong token, byte* bytes, int length, int* taken)
    {
        *taken = length;
        if (Counts(token))
        {
            return Status.Ok;
        }

        *taken = 0;
        return Find(token)?.Write(new ReadOnlySpan<byte>(bytes, length), out *taken) ?? Status.Closed;
    }

    [UnmanagedCallersOnly]
    private static Status Flush(ulong token) => Find(token)?.Flush() ?? Status.Closed;

    [UnmanagedCallersOnly]
    private static Status Head(ulong token, byte* head, int length, byte* error, int capacity, int* errorLength)
    {
        *errorLength = 0;
        if (Counts(token))
        {
            return Status.Ok;
        }

        FakeRequest? request = Find(token);
        if (request == null)
        {
            return Status.Closed;
        }

        Status status = request.Head(new ReadOnlySpan<byte>(head, length), out string text);
        *errorLength = Encoding.UTF8.GetBytes(text, new Span<byte>(error, capacity));
        return status;
    }

    [UnmanagedCallersOnly]
    private static Status Blocking(ulong token) => Find(token)?.Blocking() ?? Status.Closed;

    [UnmanagedCallersOnly]
    private static Status Next(ulong token) => Status.Unsupported;

    [UnmanagedCallersOnly]
    private static Status Complete(ulong token, Outcome outcome)
    {
        if (Counts(token))
        {
            CountingRequest.OnComplete(outcome);
            return Status.Ok;
        }

        return Find(token)?.Complete(outcome) ?? Status.Closed;
    }

    [UnmanagedCallersOnly]
    private static Status WriteLog(LogLevel level, ulong token, byte* text, int length)
    {
        (LogLevel, string) record = (level, Encoding.UTF8.GetString(text, length));
        (Find(token)?.Log ?? Log).Enqueue(record);
        return Status.Ok;
    }

    [UnmanagedCallersOnly]
    private static Status SendFile(ulong token, int descriptor, long offset, long count) =>
        Find(token)?.SendFile(descriptor, offset, count) ?? Status.Closed;

    private sealed class Factory : RequestFactory
    {
        internal override BridgeRequest Create(ulong token, RequestBlock* block) =>
            new OwinEnvironment(
                Counts(token) ? CountingRequest.Application! : Find(token)!.Application, token, block);
    }
}
