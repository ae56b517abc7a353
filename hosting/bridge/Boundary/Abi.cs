// The managed mirror of hosting/bridge_abi.h: its constants and structs, in its order, and nothing else. The
// header is the contract; LayoutCheck compares the two field by field at start-up, so a change here or there
// that the other side has not made is named before the first request.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Owind.Boundary;

internal static class Abi
{
    /// <summary>OWIND_ABI_VERSION.</summary>
    internal const uint Version = 1;
}

/// <summary>owind_status: what every function of both tables returns.</summary>
internal enum Status
{
    Ok = 0,
    Wait = 1,
    End = 2,
    Closed = -1,
    Aborted = -2,
    Busy = -3,
    Invalid = -4,
    HeadersSent = -5,
    Stalled = -6,
    TooManyBytes = -7,
    Timeout = -8,
    Refused = -9,
    Unsupported = -10,
    Failed = -11,
    Cut = -12,
}

/// <summary>owind_slice: offsets count from the first byte of the block.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Slice
{
    internal uint Offset;
    internal uint Length;
}

/// <summary>owind_field.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Field
{
    internal Slice Name;
    internal Slice Value;
}

/// <summary>OWIND_SLOT_*: index into <see cref="RequestBlock.Slots"/>.</summary>
internal enum RequestSlot
{
    Method = 0,
    Scheme = 1,
    PathBase = 2,
    Path = 3,
    QueryString = 4,
    Protocol = 5,
    RemoteIp = 6,
    RemotePort = 7,
    LocalIp = 8,
    LocalPort = 9,
    RequestId = 10,
    ClientCertificate = 11,
    RemoteUser = 12,
    RawTarget = 13,
    GatewayRole = 14,
    ClientVerification = 15,
    Count = 16,
}

/// <summary>OWIND_REQUEST_*: bits of <see cref="RequestBlock.Flags"/>.</summary>
[System.Flags]
internal enum RequestFlags : uint
{
    None = 0,
    IsLocal = 1,
    HasNoBody = 2,
    Head = 4,
    FastCgi = 8,
    Http10 = 16,
}

[InlineArray((int)RequestSlot.Count)]
internal struct RequestSlots
{
    private Slice _first;
}

/// <summary>owind_request_block: the fixed part at the start of a request's memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RequestBlock
{
    internal uint Size;
    internal uint Generation;
    internal RequestFlags Flags;
    internal uint FieldCount;
    internal uint FieldsOffset;
    internal uint Reserved;
    internal long ContentLength;
    internal RequestSlots Slots;
}

/// <summary>owind_response_head: followed by the reason phrase, then the fields.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResponseHead
{
    internal uint Size;
    internal int Status;
    internal uint ReasonLength;
    internal uint FieldCount;
    internal HeadFlags Flags;
}

/// <summary>owind_field_lengths: followed by the bytes of the name and of the value.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FieldLengths
{
    /// <summary>sizeof(owind_field_lengths).</summary>
    internal const int Bytes = 8;

    internal uint NameLength;
    internal uint ValueLength;
}

/// <summary>OWIND_HEAD_*.</summary>
[System.Flags]
internal enum HeadFlags : uint
{
    None = 0,
    NoBodyFollows = 1,
    Unbuffered = 2,
}

/// <summary>OWIND_OUTCOME_*: how the application's Task ended.</summary>
internal enum Outcome
{
    Completed = 0,
    Faulted = 1,
    Cancelled = 2,
    Abandoned = 3,
}

/// <summary>OWIND_READY_*: bits.</summary>
[System.Flags]
internal enum Ready
{
    None = 0,
    Read = 1,
    Write = 2,
}

/// <summary>OWIND_ABORT_*; None: the request was not aborted.</summary>
internal enum AbortReason
{
    None = 0,
    Disconnected = 1,
    Timeout = 2,
    Shutdown = 3,
    Failed = 4,
}

/// <summary>OWIND_ENTER_*: bits.</summary>
[System.Flags]
internal enum EnterFlags
{
    None = 0,
    Queue = 1,
}

/// <summary>OWIND_LOG_*.</summary>
internal enum LogLevel
{
    Debug = 0,
    Info = 1,
    Warning = 2,
    Error = 3,
}

/// <summary>OWIND_STOP_*.</summary>
internal enum StopKind
{
    Dispose = 0,
}

/// <summary>owind_native_table: functions that managed code calls, from any thread.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeTable
{
    internal uint Size;
    internal uint AbiVersion;
    internal delegate* unmanaged<ulong, byte*, int, int*, Status> Read;
    internal delegate* unmanaged<ulong, byte*, int, int*, Status> Write;
    internal delegate* unmanaged<ulong, Status> Flush;
    internal delegate* unmanaged<ulong, byte*, int, byte*, int, int*, Status> Head;
    internal delegate* unmanaged<ulong, Status> Blocking;
    internal delegate* unmanaged<ulong, Status> Next;
    internal delegate* unmanaged<ulong, Outcome, Status> Complete;
    internal delegate* unmanaged<LogLevel, ulong, byte*, int, Status> Log;
    internal delegate* unmanaged<ulong, int, long, long, Status> SendFile;
}

/// <summary>owind_selftest.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Selftest
{
    internal uint Size;
    internal int I32;
    internal ulong U64;
    internal long I64;
    internal byte* Pointer;
    internal Slice Slice;
}

/// <summary>owind_managed_table: functions that native code calls.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ManagedTable
{
    internal uint Size;
    internal uint AbiVersion;
    internal delegate* unmanaged<byte*, int, int, byte*, int, int*, Status> Configure;
    internal delegate* unmanaged<ulong, RequestBlock*, EnterFlags, int*, Status> Start;
    internal delegate* unmanaged<ulong, Ready, EnterFlags, int*, Status> OnReady;
    internal delegate* unmanaged<ulong, AbortReason, EnterFlags, int*, Status> OnAbort;
    internal delegate* unmanaged<StopKind, Status> Stop;
    internal delegate* unmanaged<Selftest*, Selftest*, Status> Selftest;
}

/// <summary>owind_layout_entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LayoutEntry
{
    internal byte* Name;
    internal int NameLength;
    internal int Offset;
    internal int Size;
}

/// <summary>owind_bootstrap: the one argument of the entry point.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BootstrapArguments
{
    internal uint Size;
    internal uint AbiVersion;
    internal NativeTable* Native;
    internal ManagedTable* Managed;
    internal LayoutEntry* Layout;
    internal int LayoutCount;
    internal int ErrorCapacity;
    internal byte* Error;
    internal int* ErrorLength;
}
