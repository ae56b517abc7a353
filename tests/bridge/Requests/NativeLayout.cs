// The layout entries as the C++ half would send them, written out once more by hand: what bridge_abi.h says for a
// 64-bit machine.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using Owind.Boundary;

namespace Owind.Tests.Requests;

internal sealed unsafe class NativeLayout : IDisposable
{
    private readonly List<GCHandle> _names = [];

    internal NativeLayout(IReadOnlyList<Entry> entries)
    {
        Entries = (LayoutEntry*)NativeMemory.Alloc((nuint)Math.Max(1, entries.Count), (nuint)sizeof(LayoutEntry));
        for (int i = 0; i < entries.Count; i++)
        {
            byte[] name = Encoding.UTF8.GetBytes(entries[i].Name);
            GCHandle handle = GCHandle.Alloc(name, GCHandleType.Pinned);
            _names.Add(handle);
            Entries[i] = new LayoutEntry
            {
                Name = (byte*)handle.AddrOfPinnedObject(),
                NameLength = name.Length,
                Offset = entries[i].Offset,
                Size = entries[i].Size,
            };
        }
    }

    internal readonly record struct Entry(string Name, int Offset, int Size);

    internal LayoutEntry* Entries { get; }

    public void Dispose()
    {
        _names.ForEach(static handle => handle.Free());
        NativeMemory.Free(Entries);
    }

    internal static List<Entry> Complete()
    {
        var all = new List<Entry>();
        Add(all, "owind_slice", 8, ("offset", 0, 4), ("length", 4, 4));
        Add(all, "owind_field", 16, ("name", 0, 8), ("value", 8, 8));
        Add(all, "owind_request_block", 160, ("size", 0, 4), ("generation", 4, 4), ("flags", 8, 4),
            ("field_count", 12, 4), ("fields_offset", 16, 4), ("reserved", 20, 4), ("content_length", 24, 8),
            ("slots", 32, 128));
        Add(all, "owind_response_head", 20, ("size", 0, 4), ("status", 4, 4), ("reason_length", 8, 4),
            ("field_count", 12, 4), ("flags", 16, 4));
        Add(all, "owind_field_lengths", 8, ("name_length", 0, 4), ("value_length", 4, 4));
        Add(all, "owind_native_table", 80, ("size", 0, 4), ("abi_version", 4, 4), ("read", 8, 8), ("write", 16, 8),
            ("flush", 24, 8), ("head", 32, 8), ("blocking", 40, 8), ("next", 48, 8), ("complete", 56, 8), ("log", 64, 8),
            ("send_file", 72, 8));
        Add(all, "owind_selftest", 40, ("size", 0, 4), ("i32", 4, 4), ("u64", 8, 8), ("i64", 16, 8),
            ("pointer", 24, 8), ("slice", 32, 8));
        Add(all, "owind_managed_table", 56, ("size", 0, 4), ("abi_version", 4, 4), ("configure", 8, 8),
            ("start", 16, 8), ("on_ready", 24, 8), ("on_abort", 32, 8), ("stop", 40, 8), ("selftest", 48, 8));
        Add(all, "owind_layout_entry", 24, ("name", 0, 8), ("name_length", 8, 4), ("offset", 12, 4), ("size", 16, 4));
        Add(all, "owind_bootstrap", 56, ("size", 0, 4), ("abi_version", 4, 4), ("native", 8, 8), ("managed", 16, 8),
            ("layout", 24, 8), ("layout_count", 32, 4), ("error_capacity", 36, 4), ("error", 40, 8),
            ("error_length", 48, 8));
        return all;
    }

    private static void Add(
        List<Entry> all, string name, int size, params ReadOnlySpan<(string Name, int Offset, int Size)> fields)
    {
        all.Add(new Entry(name, 0, size));
        foreach ((string field, int offset, int fieldSize) in fields)
        {
            all.Add(new Entry($"{name}.{field}", offset, fieldSize));
        }
    }
}
