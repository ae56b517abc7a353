// Writes a text for the native side into the buffer that it lent: UTF-8, cut at a character's end, never
// terminated. Must not fail, whatever the text: it is called where exceptions end.

using System;
using System.Text.Unicode;

namespace Owind.Boundary;

internal static unsafe class ErrorText
{
    /// <summary>Copies as much of <paramref name="text"/> as there is room for, and sets the length.
    /// Any of the pointers may be null; then there is nowhere to write to and nothing is written.</summary>
    internal static void Write(string text, byte* buffer, int capacity, int* length)
    {
        int written = 0;
        if (buffer != null && capacity > 0)
        {
            // Lone surrogates become U+FFFD; a text that is too long stops before the character that does not fit.
            Utf8.FromUtf16(text, new Span<byte>(buffer, capacity), out _, out written, replaceInvalidSequences: true);
        }

        if (length != null)
        {
            *length = written;
        }
    }
}
