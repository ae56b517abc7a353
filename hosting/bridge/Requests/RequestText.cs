// Text of requests: how received bytes become strings, and a small cache of strings that come again and again
// (methods, schemes, protocols, hosts, header names), so that a request allocates none of them.

using System;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Owind.Requests;

internal static class RequestText
{
    private const int CacheSize = 512;
    private const int MaxCachedBytes = 40;

    // Entries are visitors' text, but few, short and never trusted: whatever is found is compared in full. Racing
    // writers lose an entry, no more.
    private static readonly string?[] s_cache = new string?[CacheSize];

    /// <summary>UTF-8 where the bytes are valid UTF-8, else Latin-1, so that no byte is lost (RFC 9110 §5.5
    /// leaves the encoding of field values open).</summary>
    internal static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return string.Empty;
        }

        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : Encoding.Latin1.GetString(bytes);
    }

    /// <summary>As <see cref="Decode"/>, and the same instance again for short ASCII text seen lately.</summary>
    internal static string DecodeCached(ReadOnlySpan<byte> bytes)
    {
        if ((uint)(bytes.Length - 1) >= MaxCachedBytes)
        {
            return Decode(bytes);
        }

        ref string? entry = ref s_cache[IndexOf(bytes)];
        string? known = entry;
        if (known != null && known.Length == bytes.Length && Ascii.Equals(bytes, known))
        {
            return known;
        }

        string text = Decode(bytes);
        if (text.Length == bytes.Length && Ascii.IsValid(bytes))
        {
            entry = text;
        }

        return text;
    }

    private static int IndexOf(ReadOnlySpan<byte> bytes)
    {
        // First, middle and last bytes tell the texts of requests apart well enough for a direct-mapped cache.
        ref byte first = ref MemoryMarshal.GetReference(bytes);
        uint hash = (uint)bytes.Length;
        hash = (hash * 31) + first;
        hash = (hash * 31) + bytes[bytes.Length / 2];
        hash = (hash * 31) + bytes[bytes.Length / 3];
        hash = (hash * 31) + bytes[^1];
        return (int)((hash * 0x9E3779B1u) >> 23);
    }
}
