// The configuration file as ConfigurationManager gets it: the file itself where it can be read there, else a copy in
// which the sections of .NET Framework are declared.

using System;
using System.IO;
using System.Linq;
using System.Xml;
using Owind.Boundary;
using Owind.Startup;
using Owind.Tests.Requests;
using Owind.Tests.Support;
using Xunit;

namespace Owind.Tests.Startup;

public sealed class ApplicationConfigurationTests : IDisposable
{
    private const string Key = "APP_CONFIG_FILE";

    private const string WebConfig = """
        <?xml version="1.0"?>
        <configuration>
          <configSections><section name="mine" type="X" /><sectionGroup name="group" /></configSections>
          <appSettings file="more\settings.config"><add key="a" value="1" /></appSettings>
          <connectionStrings configSource="strings.config" />
          <mine /><group><inner /></group>
          <system.web><compilation debug="true" /></system.web>
          <location path="x"><system.webServer /></location>
        </configuration>
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        AppContext.SetData(Key, null);
        _folder.Dispose();
    }

    private XmlDocument Declared(string text, out bool changed)
    {
        var document = new XmlDocument { PreserveWhitespace = true };
        document.LoadXml(text);
        changed = ApplicationConfiguration.DeclareUnknown(document, _folder.Path);
        return document;
    }

    [Fact]
    public void Sections_that_nobody_declares_are_declared_as_ignored()
    {
        XmlDocument document = Declared(WebConfig, out bool changed);
        Assert.True(changed);
        string[] names = document.SelectNodes("/configuration/configSections/section/@name")!
            .Cast<XmlNode>().Select(static name => name.Value!).ToArray();
        Assert.Equal(["mine", "system.web", "system.webServer"], names);
        Assert.Contains("IgnoreSection", document.SelectSingleNode("//section[@name='system.web']/@type")!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Declarations_are_made_where_there_are_none_and_come_first()
    {
        XmlDocument document = Declared("<configuration><system.web /></configuration>", out bool changed);
        Assert.True(changed);
        Assert.Equal("configSections", document.DocumentElement!.FirstChild!.LocalName);
    }

    [Theory]
    [InlineData("<configuration />")]
    [InlineData("<configuration><appSettings /><runtime /><startup /><connectionStrings /></configuration>")]
    [InlineData("<other><system.web /></other>")]
    public void What_can_be_read_as_it_is_stays_as_it_is(string text)
    {
        Assert.Equal(text, Declared(text, out bool changed).OuterXml);
        Assert.False(changed);
    }

    [Fact]
    public void Files_that_it_names_are_found_from_the_copy()
    {
        _folder.File("strings.config", "<connectionStrings><add name=\"db\" connectionString=\"x\" /></connectionStrings>");
        XmlDocument document = Declared(WebConfig, out _);
        Assert.Equal(Path.Combine(_folder.Path, "more/settings.config"), document.SelectSingleNode("//appSettings/@file")!.Value);
        Assert.Equal("x", document.SelectSingleNode("//connectionStrings/add/@connectionString")!.Value);
        Assert.Null(document.SelectSingleNode("//connectionStrings/@configSource"));
    }

    [Fact]
    public void The_file_itself_or_a_copy_that_leaves_no_trace_is_offered()
    {
        string plain = _folder.File("App.dll.config", "<configuration><appSettings /></configuration>");
        ApplicationConfiguration.Offer(plain);
        Assert.Equal(plain, AppContext.GetData(Key));

        AppContext.SetData(Key, null);
        ApplicationConfiguration.Offer(_folder.File("web.config", WebConfig));
        string copy = Assert.IsType<string>(AppContext.GetData(Key));
        Assert.StartsWith("/proc/self/fd/", copy, StringComparison.Ordinal);
        for (int i = 0; i < 2; i++)
        {
            Assert.Contains("name=\"system.web\"", File.ReadAllText(copy), StringComparison.Ordinal);
        }

        Assert.Equal(2, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void A_file_that_the_host_named_stays()
    {
        AppContext.SetData(Key, "/other.config");
        ApplicationConfiguration.Offer(_folder.File("web.config", WebConfig));
        Assert.Equal("/other.config", AppContext.GetData(Key));
    }

    [Fact]
    public void A_broken_file_is_a_warning_and_offered_as_it_is()
    {
        string broken = _folder.File("App.dll.config", "<configuration>");
        ApplicationConfiguration.Offer(broken);
        Assert.Equal(broken, AppContext.GetData(Key));
        Assert.Equal(LogLevel.Warning,
            Assert.Single(FakeBoundary.Log, record => record.Text.Contains(broken, StringComparison.Ordinal)).Level);
    }

    [Fact]
    public void Binding_redirects_are_a_line_each()
    {
        var document = new XmlDocument();
        document.LoadXml("""
            <configuration><runtime><assemblyBinding xmlns="urn:schemas-microsoft-com:asm.v1"><dependentAssembly>
              <assemblyIdentity name="Some.Library" /><bindingRedirect oldVersion="0.0.0.0-6.0.0.0" newVersion="6.0.0.0" />
            </dependentAssembly></assemblyBinding></runtime></configuration>
            """);
        Assert.Equal(
            ["binding redirect of App.dll.config: Some.Library 0.0.0.0-6.0.0.0 to 6.0.0.0: ignored, the version that is present is loaded"],
            ApplicationConfiguration.RedirectsOf(document, "/x/App.dll.config"));
    }
}
