// What the runtime does not find by its own rules: in the application's folder under another version or spelling, then in
// the compatibility folder.

using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Loader;
using Owind.Boundary;
using Owind.Hosting;
using Owind.Startup;
using Owind.Tests.Requests;
using Owind.Tests.Support;
using Xunit;

namespace Owind.Tests.Startup;

public sealed class AssemblyFallbackTests : IDisposable
{
    private readonly TemporaryFolder _application = new();
    private readonly TemporaryFolder _compatibility = new();
    private readonly AssemblyLoadContext _context = new("fallback");

    public void Dispose()
    {
        _application.Dispose();
        _compatibility.Dispose();
    }

    private Assembly? Resolve(string name) =>
        new AssemblyFallback(_application.Path, _compatibility.Path).Resolve(_context, new AssemblyName(name));

    [Fact]
    public void Another_version_another_key_and_another_spelling_of_the_name_are_taken()
    {
        var tiny = new TinyAssembly();
        tiny.Save(_application);
        foreach (string name in new[]
                 {
                     tiny.Name, tiny.Name + ", Version=99.0.0.0", tiny.Name + ", PublicKeyToken=b03f5f7f11d50a3a", tiny.Name.ToUpperInvariant(),
                 })
        {
            Assert.Equal(tiny.Name, Resolve(name)?.GetName().Name);
        }

        Assert.Null(Resolve(tiny.Name + ".Not"));
    }

    [Fact]
    public void The_applications_folder_goes_before_the_compatibility_folder()
    {
        var both = new TinyAssembly();
        byte[] bytes = both.ToBytes();
        string own = _application.File(both.Name + ".dll", bytes);
        _compatibility.File(both.Name + ".dll", bytes);
        Assert.Equal(own, Resolve(both.Name)!.Location);

        var one = new TinyAssembly();
        string shipped = one.Save(_compatibility);
        Assert.Equal(shipped, Resolve(one.Name)!.Location);
    }

    [Fact]
    public void A_file_that_is_no_assembly_is_passed_over()
    {
        var tiny = new TinyAssembly();
        _application.File(tiny.Name + ".dll", "no assembly");
        tiny.Save(_compatibility);
        Assert.StartsWith(_compatibility.Path, Resolve(tiny.Name)!.Location, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Some.resources, Culture=de")]
    [InlineData("../up")]
    public void Languages_and_names_that_are_paths_are_left_alone(string name)
    {
        _application.File("Some.resources.dll", new TinyAssembly("Some.resources").ToBytes());
        Assert.Null(Resolve(name));
    }

    [Fact]
    public void A_part_of_NET_Framework_that_is_nowhere_is_named_once()
    {
        var fallback = new AssemblyFallback(_application.Path, Path.Combine(_compatibility.Path, "absent"));
        for (int i = 0; i < 2; i++)
        {
            Assert.Null(fallback.Resolve(_context, new AssemblyName("System.Diagnostics.PerformanceCounter, Version=4.0.0.0")));
        }

        Assert.Null(fallback.Resolve(_context, new AssemblyName("Any.Other")));
        (LogLevel level, string text) = Assert.Single(
            FakeBoundary.Log, record => record.Text.Contains(_compatibility.Path, StringComparison.Ordinal));
        Assert.Equal(LogLevel.Warning, level);
        Assert.StartsWith("the application asks for System.Diagnostics.PerformanceCounter,", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_differ_in_case_alone_are_explained()
    {
        _application.File("Some.dll", "");
        _application.File("some.dll", "");
        _application.File("SOME.txt", "");
        ApplicationSurroundings.WarnOfCollisions(_application.Path);
        string text = Assert.Single(FakeBoundary.Log, record => record.Text.Contains(_application.Path, StringComparison.Ordinal)).Text;
        Assert.Contains("are the same assembly to .NET", text, StringComparison.Ordinal);
        ApplicationSurroundings.WarnOfCollisions(Path.Combine(_application.Path, "absent"));
    }

    [Fact]
    public void Nancy_1_is_refused_with_what_to_do()
    {
        _application.File("Nancy.dll", FrameworkAssembly.WithAppBuilder("Nancy"));
        string message = Assert.Throws<StartupException>(() => ApplicationSurroundings.RefuseNancy1(_application.Path)).Message;
        Assert.Contains("Nancy 1.0.0.0", message, StringComparison.Ordinal);
        Assert.Contains("Use Nancy 2", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("1.0.0.0")]
    [InlineData("2.0.0.0")]
    public void A_Nancy_that_was_built_for_NET_is_not_refused_whatever_its_version(string version)
    {
        _application.File("Nancy.dll", new TinyAssembly("Nancy", new Version(version)).ToBytes());
        ApplicationSurroundings.RefuseNancy1(_application.Path);
    }

    [Fact]
    public void A_Nancy_that_is_absent_or_broken_is_not_refused()
    {
        ApplicationSurroundings.RefuseNancy1(_application.Path);
        _application.File("Nancy.dll", "no assembly");
        ApplicationSurroundings.RefuseNancy1(_application.Path);
    }
}
