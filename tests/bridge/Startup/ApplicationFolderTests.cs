// The scan of a folder: which files are loaded, and what becomes of files that are none of ours.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Owind.Startup;
using Owind.Tests.Support;
using Xunit;
using Full = Owind.Tests.Attributes.OwinStartupAttribute;

namespace Owind.Tests.Startup;

public sealed class ApplicationFolderTests : IDisposable
{
    private static readonly List<string> Conventional = new();

    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _errors = new();

    public void Dispose() => _folder.Dispose();

    private List<string> Scan(params string[] names) =>
        new ApplicationFolder(_folder.Path, null).Scan(names.ToList(), _errors).ConvertAll(assembly => assembly.GetName().Name!);

    private static bool IsLoaded(string name) =>
        AssemblyLoadContext.Default.Assemblies.Any(assembly => assembly.GetName().Name == name);

    [Fact]
    public void Only_assemblies_that_can_contain_a_startup_are_loaded()
    {
        var plain = new TinyAssembly().Startup("Some.Startup", Targets.Mark).Startup("Other", Targets.Mark);
        var bare = new TinyAssembly().Startup("Startup", Targets.Mark);
        var named = new TinyAssembly();
        named.Startup(named.Name + ".Startup", Targets.Mark);
        var attributed = new TinyAssembly().Startup("My.Boot", Targets.Mark).Attribute(typeof(Full), "My.Boot");
        foreach (TinyAssembly tiny in new[] { plain, bare, named, attributed })
        {
            tiny.Save(_folder);
        }

        Assert.Equal(new[] { bare.Name, named.Name, attributed.Name }.Order(StringComparer.Ordinal), Scan());
        Assert.False(IsLoaded(plain.Name));
        Assert.Empty(_errors);
    }

    [Fact]
    public void A_name_is_looked_for_as_type_and_as_type_with_method()
    {
        var type = new TinyAssembly().Startup("My.Boot.Run", Targets.Mark);
        var method = new TinyAssembly().Startup("My.Boot", Targets.Mark);
        var nested = new TinyAssembly();
        nested.Class("Outer").DefineNestedType("Inner", TypeAttributes.NestedPublic).CreateType();
        var other = new TinyAssembly().Startup("Boot", Targets.Mark).Startup("Your.Boot", Targets.Mark).Startup("Startup", Targets.Mark);
        foreach (TinyAssembly tiny in new[] { type, method, nested, other })
        {
            tiny.Save(_folder);
        }

        Assert.Equal(new[] { type.Name, method.Name }.Order(StringComparer.Ordinal), Scan("My.Boot.Run", "My.Boot"));
        Assert.Equal([nested.Name], Scan("Outer+Inner"));
        Assert.False(IsLoaded(other.Name));
    }

    [Fact]
    public void Libraries_come_before_programs_and_each_in_the_order_of_names()
    {
        TinyAssembly[] tiny = Enumerable.Range(0, 3).Select(_ => new TinyAssembly().Startup("Startup", Targets.Mark)).ToArray();
        tiny[0].Save(_folder, "a.exe");
        tiny[1].Save(_folder, "c.dll");
        tiny[2].Save(_folder, "b.DLL");
        Assert.Equal([tiny[2].Name, tiny[1].Name, tiny[0].Name], Scan());
    }

    public static TheoryData<string, byte[]> BrokenFiles()
    {
        byte[] good = new TinyAssembly().Startup("Startup", Targets.Mark).ToBytes();
        byte[] wrongMetadata = good.ToArray();
        int at = wrongMetadata.AsSpan().IndexOf("BSJB"u8);
        wrongMetadata[at] = 0;
        byte[] wrongTables = good.ToArray();
        wrongTables.AsSpan(at + 20, 60).Fill(0xff);
        byte[] native = good.ToArray();
        int pe = BitConverter.ToInt32(native, 0x3c);
        native.AsSpan(pe + 24 + (BitConverter.ToInt16(native, pe + 24) == 0x20b ? 112 : 96) + (14 * 8), 8).Clear();
        byte[] wrongSections = good.ToArray();
        wrongSections[pe + 6] = 0;
        byte[] farHeader = good.ToArray();
        farHeader.AsSpan(0x3c, 4).Fill(0xff);
        return new TheoryData<string, byte[]>
        {
            { "empty", [] },
            { "text", "this is no library"u8.ToArray() },
            { "only the DOS stub", good[..0x80] },
            { "cut in the headers", good[..(pe + 30)] },
            { "cut in the sections", good[..512] },
            { "cut in the metadata", good[..(at + 100)] },
            { "metadata without its signature", wrongMetadata },
            { "metadata with garbage", wrongTables },
            { "no sections", wrongSections },
            { "header beyond the file", farHeader },
            { "native", native },
        };
    }

    [Theory]
    [MemberData(nameof(BrokenFiles))]
    public void A_file_that_is_no_assembly_is_one_line_and_stops_nothing(string kind, byte[] content)
    {
        _folder.File("broken.dll", content);
        var good = new TinyAssembly().Startup("Startup", Targets.Mark);
        good.Save(_folder);
        Assert.Equal([good.Name], Scan());
        string line = Assert.Single(_errors);
        Assert.StartsWith($"The assembly '{Path.Combine(_folder.Path, "broken.dll")}' was skipped: ", line, StringComparison.Ordinal);
        Assert.True(line.Length > 40, kind);
    }

    [Fact]
    public void A_file_cut_at_any_length_is_survived()
    {
        byte[] good = new TinyAssembly().Startup("Startup", Targets.Mark).ToBytes();
        for (int length = 0; length < good.Length; length += 7)
        {
            _folder.File("cut.dll", good[..length]);
            _errors.Clear();
            string file = Path.Combine(_folder.Path, "cut.dll");
            try
            {
                AssemblyFile.CanContain(file, Conventional);
            }
            catch (BadImageFormatException)
            {
                // the one exception that says it
            }
        }
    }

    [Fact]
    public void A_link_to_nowhere_and_a_folder_named_like_a_library_are_survived()
    {
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "gone.dll"), Path.Combine(_folder.Path, "nowhere"));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "folder.dll"));
        var good = new TinyAssembly().Startup("Startup", Targets.Mark);
        good.Save(_folder);
        Assert.Equal([good.Name], Scan());
        Assert.Contains("gone.dll", Assert.Single(_errors), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_a_socket_and_a_device_named_like_libraries_are_a_line_each_and_never_waited_for()
    {
        Assert.Equal(0, MakeFifo(Path.Combine(_folder.Path, "a.dll"), 0x180));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder.Path, "b.exe")));
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "c.dll"), "/dev/zero");
        var good = new TinyAssembly().Startup("Startup", Targets.Mark);
        good.Save(_folder);
        Assert.Equal([good.Name], Scan());
        Assert.Equal(3, _errors.Count);
        Assert.All(_errors, line => Assert.EndsWith("a pipe, a socket or a device).", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_pipe_is_not_loaded_by_its_name_and_is_no_configuration_file()
    {
        Assert.Equal(0, MakeFifo(Path.Combine(_folder.Path, "Pipe.Named.dll"), 0x180));
        Assert.Equal(0, MakeFifo(Path.Combine(_folder.Path, "web.config"), 0x180));
        Assert.Null(new ApplicationFolder(_folder.Path, null).Load("Pipe.Named", _errors));
        Assert.Null(ApplicationSettings.Read(Path.Combine(_folder.Path, "App.dll")).File);
    }

    [Fact]
    public void A_link_to_a_library_counts_as_the_library()
    {
        var good = new TinyAssembly().Startup("Startup", Targets.Mark);
        using var elsewhere = new TemporaryFolder();
        File.CreateSymbolicLink(Path.Combine(_folder.Path, good.Name + ".dll"), good.Save(elsewhere));
        Assert.Equal([good.Name], Scan());
    }

    [Fact]
    public void A_file_that_claims_gigabytes_of_metadata_is_refused_before_any_is_taken()
    {
        byte[] huge = new TinyAssembly().ToBytes();
        int pe = BitConverter.ToInt32(huge, 0x3c);
        int optional = pe + 24;
        int cliAddress = BitConverter.ToInt32(huge, optional + (BitConverter.ToInt16(huge, optional) == 0x20b ? 112 : 96) + (14 * 8));
        int section = optional + BitConverter.ToInt16(huge, pe + 20);
        int cli = cliAddress - BitConverter.ToInt32(huge, section + 12) + BitConverter.ToInt32(huge, section + 20);
        BitConverter.TryWriteBytes(huge.AsSpan(cli + 12), 0x70000000);
        string file = _folder.File("huge.dll", huge);
        using (FileStream sparse = File.OpenWrite(file))
        {
            sparse.SetLength(0x78000000);
        }

        Assert.Empty(Scan());
        Assert.Contains("claims", Assert.Single(_errors), StringComparison.Ordinal);
    }

    [DllImport("libc", EntryPoint = "mkfifo")]
    private static extern int MakeFifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [Fact]
    public void A_folder_that_does_not_exist_is_one_line()
    {
        Assert.Empty(new ApplicationFolder(Path.Combine(_folder.Path, "no"), null).Scan(Conventional, _errors));
        Assert.Single(_errors);
    }

    [Fact]
    public void The_same_assembly_under_two_names_is_one_candidate()
    {
        var tiny = new TinyAssembly().Startup("Startup", Targets.Mark);
        byte[] bytes = tiny.ToBytes();
        _folder.File(tiny.Name + ".dll", bytes);
        _folder.File("copy.dll", bytes);
        Assert.Equal([tiny.Name], Scan());
    }

    [Fact]
    public void What_the_framework_brings_too_is_not_looked_at()
    {
        _folder.File("System.Text.Json.dll", "no assembly");
        Assert.Empty(Scan());
        Assert.Empty(_errors);
    }

    [Fact]
    public void An_assembly_that_is_no_dependency_is_loaded_from_the_folder_by_its_name()
    {
        var tiny = new TinyAssembly();
        tiny.Save(_folder);
        var folder = new ApplicationFolder(_folder.Path, null);
        Assert.Equal(tiny.Name, folder.Load(tiny.Name, _errors)!.GetName().Name);
        Assert.Null(folder.Load("No.Such.Assembly", _errors));
        Assert.Null(folder.Load("", _errors));
        Assert.Empty(_errors);
    }

    [Fact]
    public void A_named_assembly_that_is_broken_says_so()
    {
        _folder.File("Broken.Named.dll", "no assembly");
        Assert.Null(new ApplicationFolder(_folder.Path, null).Load("Broken.Named", _errors));
        Assert.Contains("BadImageFormatException", Assert.Single(_errors), StringComparison.Ordinal);
    }

    [Fact]
    public void The_referenced_assemblies_are_those_of_the_folder_with_the_application_first()
    {
        TinyAssembly[] tiny = Enumerable.Range(0, 3).Select(_ => new TinyAssembly()).ToArray();
        foreach (TinyAssembly each in tiny)
        {
            each.Save(_folder);
        }

        _folder.File("broken.dll", "no assembly");
        _folder.File("System.Text.Json.dll", "the framework's");
        var all = new ReferencedAssemblies(Path.Combine(_folder.Path, tiny[1].Name + ".dll"));
        Assert.False(IsLoaded(tiny[0].Name));
        Assert.Equal([tiny[1].Name, tiny[0].Name, tiny[2].Name], all.Select(assembly => assembly.GetName().Name));
        Assert.Equal(all, all);
    }

    [Fact]
    public void Names_are_found_as_whole_tails_only()
    {
        Assert.True(MetadataNames.Contain("xMyStartup\0"u8, "Startup"));
        Assert.False(MetadataNames.Contain("StartupX\0"u8, "Startup"));
        Assert.False(MetadataNames.Contain(""u8, "Startup"));
        Assert.True(MetadataNames.Contain(""u8, new string('x', 600)));
    }
}
