// Reads the request block: one contiguous piece of native memory that is another request's once this one has been
// completed. Every value is copied first and the generation compared afterwards, and every offset is checked
// against the size that the block had at the start, so a late reader gets an exception, never another visitor's
// bytes and never memory outside the block. Callable from any thread.

using System;
using System.Text;
using System.Threading;
using Owind.Boundary;

namespace Owind.Requests;

internal readonly unsafe struct BlockReader
{
    private readonly RequestBlock* _block;
    private readonly uint _generation;
    private readonly uint _size;

    /// <summary>What the block said at the start of the request.</summary>
    internal readonly RequestFlags Flags;

    /// <summary>How many fields there are; a repeated name counts as often as it came.</summary>
    internal readonly int FieldCount;

    /// <summary>To be made while the block is certainly valid: inside start().</summary>
    internal BlockReader(RequestBlock* block)
    {
        _block = block;
        _generation = Volatile.Read(ref block->Generation);
        _size = block->Size;
        Flags = block->Flags;
        FieldCount = (int)block->FieldCount;
    }

    /// <summary>Whether the slot has a value that is not empty. To be asked inside start().</summary>
    internal bool Has(RequestSlot slot) => LengthOf(slot) != 0;

    /// <summary>Bytes of the slot's value. To be asked inside start().</summary>
    internal uint LengthOf(RequestSlot slot) => _block->Slots[(int)slot].Length;

    /// <summary>Bytes of the body as announced; -1: not known.</summary>
    /// <exception cref="ObjectDisposedException">The request is over.</exception>
    internal long GetContentLength()
    {
        long length = _block->ContentLength;
        CheckGeneration();
        return length;
    }

    /// <summary>The slot's text; empty when it is absent.</summary>
    /// <exception cref="ObjectDisposedException">The request is over.</exception>
    internal string GetString(RequestSlot slot) => Copy(_block->Slots[(int)slot], cached: false);

    /// <summary>As <see cref="GetString"/>, for values that most requests have in common.</summary>
    internal string GetCachedString(RequestSlot slot) => Copy(_block->Slots[(int)slot], cached: true);

    /// <summary>Whether field <paramref name="index"/> has this name, ignoring case.</summary>
    internal bool FieldNameEquals(int index, ReadOnlySpan<char> name)
    {
        Slice slice = FieldAt(index).Name;
        bool equal = slice.Length == (uint)name.Length && Ascii.EqualsIgnoreCase(Bytes(slice), name);
        CheckGeneration();
        return equal;
    }

    internal string FieldName(int index) => Copy(FieldAt(index).Name, cached: true);

    /// <param name="cached">Whether the value is one that most requests have in common.</param>
    internal string FieldValue(int index, bool cached) => Copy(FieldAt(index).Value, cached);

    /// <summary>What is thrown where a value was asked for too late.</summary>
    internal static ObjectDisposedException Gone() => new(
        "request", "The request is over: its values can be read until the application's Task has ended.");

    private string Copy(Slice slice, bool cached)
    {
        string text;
        try
        {
            ReadOnlySpan<byte> bytes = Bytes(slice);
            text = cached ? RequestText.DecodeCached(bytes) : RequestText.Decode(bytes);
        }
        catch (ArgumentException)
        {
            // The decoder found other bytes than the ones that it had counted: the block changed under it.
            CheckGeneration();
            throw;
        }

        CheckGeneration();
        return text;
    }

    private Field FieldAt(int index)
    {
        ulong offset = _block->FieldsOffset + ((ulong)(uint)index * (ulong)sizeof(Field));
        if (offset + (ulong)sizeof(Field) > _size)
        {
            throw Gone();
        }

        return *(Field*)((byte*)_block + offset);
    }

    private ReadOnlySpan<byte> Bytes(Slice slice)
    {
        if ((ulong)slice.Offset + slice.Length > _size)
        {
            throw Gone();
        }

        return new ReadOnlySpan<byte>((byte*)_block + slice.Offset, (int)slice.Length);
    }

    private void CheckGeneration()
    {
        // What was read above must have been read before the generation is.
        Volatile.ReadBarrier();
        if (_block->Generation != _generation)
        {
            throw Gone();
        }
    }
}
