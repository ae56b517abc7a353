// Serialises a response head as bridge_abi.h lays it out: owind_response_head, the reason phrase, then for each
// field its lengths, its name and its value, all UTF-8 and without padding. Starts in memory that the caller lends
// (its stack) and moves to a pooled array when that is too small. Checks nothing: the response rules are the
// native side's.

using System;
using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Owind.Boundary;

namespace Owind.Requests;

internal unsafe ref struct HeadWriter
{
    private Span<byte> _buffer;
    private byte[]? _rented;
    private int _length;
    private ResponseHead _head;

    /// <param name="initial">Lives as long as the writer; at least the size of an owind_response_head.</param>
    internal HeadWriter(Span<byte> initial)
    {
        _buffer = initial;
        _length = sizeof(ResponseHead);
    }

    /// <summary>To be called once, before any field.</summary>
    /// <param name="reason">Null or blank: the standard one.</param>
    internal void Begin(int status, string? reason, HeadFlags flags)
    {
        _head.Status = status;
        _head.Flags = flags;
        if (!string.IsNullOrWhiteSpace(reason))
        {
            Reserve(Encoding.UTF8.GetMaxByteCount(reason.Length));
            _head.ReasonLength = (uint)Append(reason);
        }
    }

    /// <summary>Appends a field; a name may be given again for a further line.</summary>
    internal void Add(string name, string value)
    {
        Reserve(sizeof(FieldLengths) + Encoding.UTF8.GetMaxByteCount(name.Length) +
                Encoding.UTF8.GetMaxByteCount(value.Length));
        int at = _length;
        _length += sizeof(FieldLengths);
        var lengths = new FieldLengths
        {
            NameLength = (uint)Append(name),
            ValueLength = (uint)Append(value),
        };
        MemoryMarshal.Write(_buffer[at..], in lengths);
        _head.FieldCount++;
    }

    /// <summary>The bytes of the head, valid until <see cref="Dispose"/>.</summary>
    internal ReadOnlySpan<byte> Finish()
    {
        _head.Size = (uint)_length;
        MemoryMarshal.Write(_buffer, in _head);
        return _buffer[.._length];
    }

    internal void Dispose()
    {
        if (_rented != null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
            _rented = null;
        }
    }

    private int Append(string text)
    {
        Span<byte> room = _buffer[_length..];
        OperationStatus status = Ascii.FromUtf16(text, room, out int written);
        if (status != OperationStatus.Done)
        {
            written = Encoding.UTF8.GetBytes(text, room);
        }

        _length += written;
        return written;
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _length >= bytes)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(checked(Math.Max(_buffer.Length * 2, _length + bytes)));
        _buffer[.._length].CopyTo(larger);
        Dispose();
        _buffer = _rented = larger;
    }
}
