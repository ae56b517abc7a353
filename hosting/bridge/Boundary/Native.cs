// The native functions as managed code sees them: one method a function, spans instead of pointers, memory
// pinned for the call only. Callable from any thread. No status is interpreted here.

using System;
using Microsoft.Win32.SafeHandles;

namespace Owind.Boundary;

internal static unsafe class Native
{
    private static NativeTable s_table;

    /// <summary>Keeps a copy of the table. Called once, by Bootstrap, before anything else here.</summary>
    internal static void Install(NativeTable* table) => s_table = *table;

    /// <summary>Copies bytes of the request body into <paramref name="into"/>, which must not be empty.</summary>
    internal static Status Read(ulong token, Span<byte> into, out int transferred)
    {
        int count = 0;
        Status status;
        fixed (byte* bytes = into)
        {
            status = s_table.Read(token, bytes, into.Length, &count);
        }

        transferred = count;
        return status;
    }

    /// <summary>Offers bytes of the response body; <paramref name="taken"/> of them were copied.</summary>
    internal static Status Write(ulong token, ReadOnlySpan<byte> from, out int taken)
    {
        int count = 0;
        Status status;
        fixed (byte* bytes = from)
        {
            status = s_table.Write(token, bytes, from.Length, &count);
        }

        taken = count;
        return status;
    }

    internal static Status Flush(ulong token) => s_table.Flush(token);

    /// <summary>Gives the response head.</summary>
    /// <param name="error">Receives the reason of <see cref="Status.Invalid"/>.</param>
    /// <param name="errorLength">How many bytes of it were written.</param>
    internal static Status Head(ulong token, ReadOnlySpan<byte> head, Span<byte> error, out int errorLength)
    {
        int count = 0;
        Status status;
        fixed (byte* bytes = head)
        fixed (byte* text = error)
        {
            status = s_table.Head(token, bytes, head.Length, text, error.Length, &count);
        }

        errorLength = Math.Clamp(count, 0, error.Length);
        return status;
    }

    internal static Status Blocking(ulong token) => s_table.Blocking(token);

    internal static Status Next(ulong token) => s_table.Next(token);

    internal static Status Complete(ulong token, Outcome outcome) => s_table.Complete(token, outcome);

    /// <summary>Sends part of a file behind what was written. Wait: taken; it has been sent when
    /// <see cref="Flush"/> no longer says Wait.</summary>
    internal static Status SendFile(ulong token, SafeFileHandle file, long offset, long count)
    {
        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            return s_table.SendFile(token, (int)file.DangerousGetHandle(), offset, count);
        }
        finally
        {
            if (held)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>One log record; nothing happens before <see cref="Install"/>.</summary>
    internal static void Log(LogLevel level, ulong token, ReadOnlySpan<byte> text)
    {
        if (s_table.Log == null)
        {
            return;
        }

        fixed (byte* bytes = text)
        {
            s_table.Log(level, token, bytes, text.Length);
        }
    }
}
