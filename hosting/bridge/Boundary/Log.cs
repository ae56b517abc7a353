// The server's log, from managed code: text to native.log. Knows the threshold that was configured, so that a
// record which nobody wants costs one comparison. Never throws: it is called where exceptions end.

using System;
using System.Buffers;
using System.Text;

namespace Owind.Boundary;

internal static class Log
{
    // Longer records help nobody and would let one exception fill a disk.
    private const int MaxCharacters = 64 * 1024;

    private static LogLevel s_threshold = LogLevel.Info;

    internal static bool IsEnabled(LogLevel level) => level >= s_threshold;

    internal static void SetThreshold(LogLevel level) => s_threshold = level;

    /// <summary>Writes one record. Nothing needs escaping here: the native side does that.</summary>
    /// <param name="token">The request that it is about; 0: none.</param>
    internal static void Write(LogLevel level, string text, ulong token = 0)
    {
        if (!IsEnabled(level))
        {
            return;
        }

        ReadOnlySpan<char> characters = text.AsSpan(0, Math.Min(text.Length, MaxCharacters));
        byte[]? rented = null;
        try
        {
            int capacity = Encoding.UTF8.GetMaxByteCount(characters.Length);
            Span<byte> bytes = capacity <= 1024 ? stackalloc byte[1024] : rented = ArrayPool<byte>.Shared.Rent(capacity);
            int length = Encoding.UTF8.GetBytes(characters, bytes);
            Native.Log(level, token, bytes[..length]);
        }
        catch (OutOfMemoryException)
        {
            // Nothing is left to say it with.
        }
        finally
        {
            if (rented != null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Writes what was being done, then the exception with its stack.</summary>
    internal static void Exception(LogLevel level, string what, Exception exception, ulong token = 0)
    {
        if (IsEnabled(level))
        {
            Write(level, what + ": " + Describe(exception), token);
        }
    }

    /// <summary>The exception's own text; an exception whose ToString throws is described by its type.</summary>
    internal static string Describe(Exception exception)
    {
        try
        {
            return exception.ToString();
        }
        catch (Exception)
        {
            return exception.GetType().ToString();
        }
    }
}
