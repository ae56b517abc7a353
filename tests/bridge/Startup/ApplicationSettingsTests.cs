// The two appSettings, and which file they come from.

using System;
using System.IO;
using System.Xml;
using Owind.Hosting;
using Owind.Startup;
using Owind.Tests.Support;
using Xunit;

namespace Owind.Tests.Startup;

public sealed class ApplicationSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ApplicationSettings Read() => ApplicationSettings.Read(Path.Combine(_folder.Path, "App.dll"));

    private void Write(string file, string content) =>
        _folder.File(file, $"<configuration><appSettings>{content}</appSettings></configuration>");

    private static string Startup(string value) => $"<add key='owin:AppStartup' value='{value}'/>";

    [Fact]
    public void Without_a_file_nothing_is_set()
    {
        ApplicationSettings settings = Read();
        Assert.Null(settings.File);
        Assert.Null(settings.AppStartup);
        Assert.True(settings.AutomaticAppStartup);
    }

    [Fact]
    public void Files_are_taken_in_their_order()
    {
        foreach (string file in new[] { "Web.config", "web.config", "App.exe.config", "App.dll.config" })
        {
            Write(file, Startup(file));
            Assert.Equal(file, Read().AppStartup);
            Assert.Equal(Path.Combine(_folder.Path, file), Read().File);
        }
    }

    [Fact]
    public void The_first_file_counts_alone()
    {
        Write("App.dll.config", "");
        Write("web.config", Startup("My.Boot"));
        Assert.Null(Read().AppStartup);
    }

    [Fact]
    public void Keys_are_compared_in_any_case_and_the_last_one_counts()
    {
        Write("web.config", Startup("One") + "<add key='OWIN:appstartup' value=' Two '/>");
        Assert.Equal("Two", Read().AppStartup);
    }

    [Fact]
    public void Remove_and_clear_work()
    {
        Write("web.config", Startup("One") + "<remove key='owin:AppStartup'/>");
        Assert.Null(Read().AppStartup);
        Write("web.config", Startup("One") + "<clear/>" + "<!-- " + Startup("Two") + " -->");
        Assert.Null(Read().AppStartup);
        Write("web.config", Startup("  "));
        Assert.Null(Read().AppStartup);
    }

    [Theory]
    [InlineData("false", false)]
    [InlineData(" FALSE ", false)]
    [InlineData("true", true)]
    [InlineData("", true)]
    public void Discovery_is_switched_off_by_false(string value, bool automatic)
    {
        Write("web.config", $"<add key='owin:AutomaticAppStartup' value='{value}'/>");
        Assert.Equal(automatic, Read().AutomaticAppStartup);
    }

    [Fact]
    public void Only_the_section_itself_counts()
    {
        _folder.File(
            "web.config",
            $"<configuration><location path='x'><appSettings>{Startup("Inner")}</appSettings></location>"
            + $"<appSettings><group>{Startup("Group")}</group></appSettings></configuration>");
        Assert.Null(Read().AppStartup);
        _folder.File("web.config", $"<other><appSettings>{Startup("Other")}</appSettings></other>");
        Assert.Null(Read().AppStartup);
    }

    [Fact]
    public void Sections_in_other_files_are_followed()
    {
        _folder.File("App.dll.config", "<configuration><appSettings configSource='conf\\source.config'/></configuration>");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "conf"));
        _folder.File("conf/source.config", $"<appSettings>{Startup("Source")}</appSettings>");
        Assert.Equal("Source", Read().AppStartup);
        _folder.File("App.dll.config", $"<configuration><appSettings file='more.config'>{Startup("One")}</appSettings></configuration>");
        Assert.Equal("One", Read().AppStartup);
        _folder.File("more.config", $"<appSettings>{Startup("More")}</appSettings>");
        Assert.Equal("More", Read().AppStartup);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<configuration>")]
    [InlineData("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><configuration/>")]
    public void What_is_not_well_formed_or_has_a_document_type_is_refused(string content)
    {
        _folder.File("web.config", content);
        Assert.IsType<XmlException>(Assert.Throws<StartupException>(() => Read()).InnerException);
    }
}
