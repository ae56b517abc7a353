// The hand-shake: versions, sizes, every field's place, and the functions of the managed table.

using System;
using System.Collections.Generic;
using System.Text;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

public unsafe class BootstrapTests
{
    [Fact(DisplayName = "a layout that agrees in every field fills the managed table and its size")]
    public void AgreeingLayout()
    {
        ManagedTable managed = EmptyTable();

        Assert.Equal("", Initialize(NativeLayout.Complete(), &managed));

        Assert.Equal(Abi.Version, managed.AbiVersion);
        Assert.True(managed.Configure != null && managed.Start != null && managed.OnReady != null);
        Assert.True(managed.OnAbort != null && managed.Stop != null && managed.Selftest != null);
    }

    [Fact(DisplayName = "every field is compared: whichever one differs in offset or size is named")]
    public void EveryDifferenceIsNamed()
    {
        List<NativeLayout.Entry> layout = NativeLayout.Complete();
        for (int i = 0; i < layout.Count; i++)
        {
            NativeLayout.Entry entry = layout[i];
            layout[i] = entry with { Offset = entry.Offset + 4 };
            AssertNamesFirst(entry.Name, layout);
            layout[i] = entry with { Size = entry.Size + 4 };
            AssertNamesFirst(entry.Name, layout);
            layout[i] = entry;
        }
    }

    [Fact(DisplayName = "a field that only the server has, or only the bridge, is named")]
    public void MissingAndUnknownFields()
    {
        List<NativeLayout.Entry> layout = NativeLayout.Complete();
        layout.Insert(5, new NativeLayout.Entry("owind_field.colour", 16, 4));
        Assert.Equal("owind_field.colour: the bridge does not have it", Refusal(layout));

        layout.RemoveAt(5);
        layout.RemoveAll(static entry => entry.Name == "owind_field.value");
        Assert.Equal("owind_field.value: the server does not have it", Refusal(layout));

        Assert.Contains("the server does not have it", Refusal([]));
    }

    [Fact(DisplayName = "the order of the layout entries does not matter")]
    public void OrderDoesNotMatter()
    {
        List<NativeLayout.Entry> layout = NativeLayout.Complete();
        layout.Reverse();
        ManagedTable managed = EmptyTable();
        Assert.Equal("", Initialize(layout, &managed));
    }

    [Fact(DisplayName = "another version of the boundary is refused, and the text says which ones met")]
    public void OtherVersion()
    {
        ManagedTable managed = EmptyTable();
        NativeTable native = FakeBoundary.CreateNativeTable();
        string text = FakeBoundary.BootstrapWith(&native, &managed, NativeLayout.Complete(), version: 99);
        Assert.Contains("version 99", text);
        Assert.True(managed.Start == null);
    }

    [Fact(DisplayName = "tables that are too small are refused before anything is read from or written to them")]
    public void SmallTables()
    {
        ManagedTable managed = EmptyTable();
        NativeTable native = FakeBoundary.CreateNativeTable();
        native.Size = 8;
        Assert.Contains("owind_native_table.size", FakeBoundary.BootstrapWith(&native, &managed, NativeLayout.Complete()));

        native = FakeBoundary.CreateNativeTable();
        managed.Size = 16;
        Assert.Contains("owind_managed_table.size", FakeBoundary.BootstrapWith(&native, &managed, NativeLayout.Complete()));
        Assert.True(managed.Start == null);
    }

    [Fact(DisplayName = "an argument block that is too small for an error buffer answers FAILED")]
    public void SmallArguments()
    {
        delegate* unmanaged<void*, int, int> initialize = &Bootstrap.Initialize;
        BootstrapArguments arguments = default;
        Assert.Equal((int)Status.Failed, initialize(&arguments, 8));
        Assert.Equal((int)Status.Failed, initialize(null, sizeof(BootstrapArguments)));
    }

    [Fact(DisplayName = "selftest() answers each field through its own type")]
    public void SelftestComesBack()
    {
        byte place = 0;
        var question = new Selftest
        {
            Size = 0x01020304,
            I32 = -0x05060708,
            U64 = 0xf1f2f3f4f5f6f7f8,
            I64 = -0x1112131415161718,
            Pointer = &place,
            Slice = new Slice { Offset = 0x21222324, Length = 0x31323334 },
        };
        Selftest answer = default;

        Assert.Equal(Status.Ok, FakeBoundary.Managed->Selftest(&question, &answer));

        Assert.True(new ReadOnlySpan<byte>(&question, sizeof(Selftest))
            .SequenceEqual(new ReadOnlySpan<byte>(&answer, sizeof(Selftest))));
    }

    [Theory(DisplayName = "an error text is cut before the character that does not fit")]
    [InlineData("abc", 8, "abc")]
    [InlineData("abc", 3, "abc")]
    [InlineData("abc", 2, "ab")]
    [InlineData("aé", 2, "a")]
    [InlineData("a€", 3, "a")]
    [InlineData("abc", 0, "")]
    [InlineData("a<lone surrogate>b", 8, "a\ufffdb")]
    public void ErrorTextIsCut(string text, int capacity, string expected)
    {
        byte* buffer = stackalloc byte[8];
        int length = -1;
        text = text.Replace("<lone surrogate>", "\ud800");
        ErrorText.Write(text, buffer, capacity, &length);
        Assert.Equal(expected, Encoding.UTF8.GetString(buffer, length));
        ErrorText.Write(text, null, capacity, null);
    }

    private static ManagedTable EmptyTable() => new() { Size = (uint)sizeof(ManagedTable) };

    private static string Initialize(List<NativeLayout.Entry> layout, ManagedTable* managed)
    {
        NativeTable native = FakeBoundary.CreateNativeTable();
        return FakeBoundary.BootstrapWith(&native, managed, layout);
    }

    private static string Refusal(List<NativeLayout.Entry> layout)
    {
        ManagedTable managed = EmptyTable();
        string text = Initialize(layout, &managed);
        Assert.True(managed.Start == null);
        return text;
    }

    private static void AssertNamesFirst(string name, List<NativeLayout.Entry> layout) =>
        Assert.StartsWith(name + ": the server has it at offset", Refusal(layout));
}
