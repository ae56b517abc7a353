// Compares each field of each struct that crosses the boundary with what the C++ compiler made of it. No
// reflection and no marshalling: differences of pointers into locals, because this runs before the first
// request of every process. Names the first difference; does not decide what happens then (Bootstrap does).

using System;
using System.Text;

namespace Owind.Boundary;

internal unsafe ref struct LayoutCheck
{
    private readonly ReadOnlySpan<LayoutEntry> _native;
    private int _cursor;
    private int _matched;
    private string? _difference;
    private bool _ignoreMisses;

    private LayoutCheck(ReadOnlySpan<LayoutEntry> native) => _native = native;

    /// <summary>The first difference, as a sentence, or null.</summary>
    internal static string? FirstDifference(LayoutEntry* entries, int count)
    {
        var check = new LayoutCheck(new ReadOnlySpan<LayoutEntry>(entries, count));
        check.EveryStruct();
        return check._difference ?? check.FirstUnknown();
    }

    private void EveryStruct()
    {
        RequestStructs();
        ResponseStructs();
        Tables();
        StartStructs();
    }

    private void RequestStructs()
    {
        Slice slice;
        Struct("owind_slice"u8, sizeof(Slice));
        Member("owind_slice.offset"u8, &slice, &slice.Offset, sizeof(uint));
        Member("owind_slice.length"u8, &slice, &slice.Length, sizeof(uint));

        Field field;
        Struct("owind_field"u8, sizeof(Field));
        Member("owind_field.name"u8, &field, &field.Name, sizeof(Slice));
        Member("owind_field.value"u8, &field, &field.Value, sizeof(Slice));

        RequestBlock block;
        Struct("owind_request_block"u8, sizeof(RequestBlock));
        Member("owind_request_block.size"u8, &block, &block.Size, sizeof(uint));
        Member("owind_request_block.generation"u8, &block, &block.Generation, sizeof(uint));
        Member("owind_request_block.flags"u8, &block, &block.Flags, sizeof(RequestFlags));
        Member("owind_request_block.field_count"u8, &block, &block.FieldCount, sizeof(uint));
        Member("owind_request_block.fields_offset"u8, &block, &block.FieldsOffset, sizeof(uint));
        Member("owind_request_block.reserved"u8, &block, &block.Reserved, sizeof(uint));
        Member("owind_request_block.content_length"u8, &block, &block.ContentLength, sizeof(long));
        Member("owind_request_block.slots"u8, &block, &block.Slots, sizeof(RequestSlots));
    }

    private void ResponseStructs()
    {
        ResponseHead head;
        Struct("owind_response_head"u8, sizeof(ResponseHead));
        Member("owind_response_head.size"u8, &head, &head.Size, sizeof(uint));
        Member("owind_response_head.status"u8, &head, &head.Status, sizeof(int));
        Member("owind_response_head.reason_length"u8, &head, &head.ReasonLength, sizeof(uint));
        Member("owind_response_head.field_count"u8, &head, &head.FieldCount, sizeof(uint));
        Member("owind_response_head.flags"u8, &head, &head.Flags, sizeof(HeadFlags));

        FieldLengths lengths;
        Struct("owind_field_lengths"u8, sizeof(FieldLengths));
        Member("owind_field_lengths.name_length"u8, &lengths, &lengths.NameLength, sizeof(uint));
        Member("owind_field_lengths.value_length"u8, &lengths, &lengths.ValueLength, sizeof(uint));
    }

    private void Tables()
    {
        NativeTable native;
        Struct("owind_native_table"u8, sizeof(NativeTable));
        Member("owind_native_table.size"u8, &native, &native.Size, sizeof(uint));
        Member("owind_native_table.abi_version"u8, &native, &native.AbiVersion, sizeof(uint));
        Member("owind_native_table.read"u8, &native, &native.Read, sizeof(void*));
        Member("owind_native_table.write"u8, &native, &native.Write, sizeof(void*));
        Member("owind_native_table.flush"u8, &native, &native.Flush, sizeof(void*));
        Member("owind_native_table.head"u8, &native, &native.Head, sizeof(void*));
        Member("owind_native_table.blocking"u8, &native, &native.Blocking, sizeof(void*));
        Member("owind_native_table.next"u8, &native, &native.Next, sizeof(void*));
        Member("owind_native_table.complete"u8, &native, &native.Complete, sizeof(void*));
        Member("owind_native_table.log"u8, &native, &native.Log, sizeof(void*));
        Member("owind_native_table.send_file"u8, &native, &native.SendFile, sizeof(void*));

        ManagedTable managed;
        Struct("owind_managed_table"u8, sizeof(ManagedTable));
        Member("owind_managed_table.size"u8, &managed, &managed.Size, sizeof(uint));
        Member("owind_managed_table.abi_version"u8, &managed, &managed.AbiVersion, sizeof(uint));
        Member("owind_managed_table.configure"u8, &managed, &managed.Configure, sizeof(void*));
        Member("owind_managed_table.start"u8, &managed, &managed.Start, sizeof(void*));
        Member("owind_managed_table.on_ready"u8, &managed, &managed.OnReady, sizeof(void*));
        Member("owind_managed_table.on_abort"u8, &managed, &managed.OnAbort, sizeof(void*));
        Member("owind_managed_table.stop"u8, &managed, &managed.Stop, sizeof(void*));
        Member("owind_managed_table.selftest"u8, &managed, &managed.Selftest, sizeof(void*));
    }

    private void StartStructs()
    {
        Selftest selftest;
        Struct("owind_selftest"u8, sizeof(Selftest));
        Member("owind_selftest.size"u8, &selftest, &selftest.Size, sizeof(uint));
        Member("owind_selftest.i32"u8, &selftest, &selftest.I32, sizeof(int));
        Member("owind_selftest.u64"u8, &selftest, &selftest.U64, sizeof(ulong));
        Member("owind_selftest.i64"u8, &selftest, &selftest.I64, sizeof(long));
        Member("owind_selftest.pointer"u8, &selftest, &selftest.Pointer, sizeof(void*));
        Member("owind_selftest.slice"u8, &selftest, &selftest.Slice, sizeof(Slice));

        LayoutEntry entry;
        Struct("owind_layout_entry"u8, sizeof(LayoutEntry));
        Member("owind_layout_entry.name"u8, &entry, &entry.Name, sizeof(void*));
        Member("owind_layout_entry.name_length"u8, &entry, &entry.NameLength, sizeof(int));
        Member("owind_layout_entry.offset"u8, &entry, &entry.Offset, sizeof(int));
        Member("owind_layout_entry.size"u8, &entry, &entry.Size, sizeof(int));

        BootstrapArguments bootstrap;
        Struct("owind_bootstrap"u8, sizeof(BootstrapArguments));
        Member("owind_bootstrap.size"u8, &bootstrap, &bootstrap.Size, sizeof(uint));
        Member("owind_bootstrap.abi_version"u8, &bootstrap, &bootstrap.AbiVersion, sizeof(uint));
        Member("owind_bootstrap.native"u8, &bootstrap, &bootstrap.Native, sizeof(void*));
        Member("owind_bootstrap.managed"u8, &bootstrap, &bootstrap.Managed, sizeof(void*));
        Member("owind_bootstrap.layout"u8, &bootstrap, &bootstrap.Layout, sizeof(void*));
        Member("owind_bootstrap.layout_count"u8, &bootstrap, &bootstrap.LayoutCount, sizeof(int));
        Member("owind_bootstrap.error_capacity"u8, &bootstrap, &bootstrap.ErrorCapacity, sizeof(int));
        Member("owind_bootstrap.error"u8, &bootstrap, &bootstrap.Error, sizeof(void*));
        Member("owind_bootstrap.error_length"u8, &bootstrap, &bootstrap.ErrorLength, sizeof(void*));
    }

    private void Struct(ReadOnlySpan<byte> name, int size) => Compare(name, 0, size);

    private void Member(ReadOnlySpan<byte> name, void* of, void* member, int size) =>
        Compare(name, (int)((byte*)member - (byte*)of), size);

    private void Compare(ReadOnlySpan<byte> name, int offset, int size)
    {
        if (_difference != null)
        {
            return;
        }

        // Both sides list in the header's order, so the next entry is nearly always the one.
        for (int i = 0; i < _native.Length; i++)
        {
            int at = (_cursor + i) % _native.Length;
            ref readonly LayoutEntry entry = ref _native[at];
            if (!NameOf(entry).SequenceEqual(name))
            {
                continue;
            }

            _cursor = at + 1;
            _matched++;
            if (entry.Offset != offset || entry.Size != size)
            {
                _difference = $"{Encoding.UTF8.GetString(name)}: the server has it at offset {entry.Offset} with size " +
                              $"{entry.Size}, the bridge at offset {offset} with size {size}";
            }

            return;
        }

        if (!_ignoreMisses)
        {
            _difference = $"{Encoding.UTF8.GetString(name)}: the server does not have it";
        }
    }

    private readonly string? FirstUnknown()
    {
        if (_matched == _native.Length)
        {
            return null;
        }

        // About to fail anyway, so the slow way will do: ask every field of ours for each entry alone.
        foreach (ref readonly LayoutEntry entry in _native)
        {
            var check = new LayoutCheck(new ReadOnlySpan<LayoutEntry>(in entry)) { _ignoreMisses = true };
            check.EveryStruct();
            if (check._matched == 0)
            {
                return $"{Encoding.UTF8.GetString(NameOf(entry))}: the bridge does not have it";
            }
        }

        return "a field is listed twice";
    }

    private static ReadOnlySpan<byte> NameOf(in LayoutEntry entry) => new(entry.Name, entry.NameLength);
}
