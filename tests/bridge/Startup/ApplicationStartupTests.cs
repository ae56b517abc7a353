// From a file to the delegate that serves requests, and the complete texts when that fails.

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;
using Owind.Hosting;
using Owind.Tests.Support;
using Xunit;

namespace Owind.Tests.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;

public sealed class ApplicationStartupTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, object> _properties = new();

    public void Dispose() => _folder.Dispose();

    private AppFunc Build(TinyAssembly tiny, string? startup = null) =>
        ApplicationStartup.Start(tiny.Save(_folder), startup, _properties).App;

    private string Message(Action action) => Assert.Throws<StartupException>(action).Message;

    private static async Task Serves(AppFunc app)
    {
        var environment = new Dictionary<string, object>();
        await app(environment);
        Assert.Equal(true, environment["served"]);
    }

    [Fact]
    public async Task An_application_with_a_Startup_is_served_by_its_own_delegate()
    {
        AppFunc app = Build(new TinyAssembly().Startup("Startup", Targets.Serve));
        await Serves(app);
        Assert.Same(Targets.Application, app);
        Assert.Equal("Startup", _properties["host.AppName"]);
        Assert.True(_properties.ContainsKey("builder.AddSignatureConversion"));
    }

    [Fact]
    public async Task Pure_OWIN_applications_need_no_IAppBuilder()
    {
        foreach (Delegate form in new Delegate[]
        {
            Targets.Return, Targets.ReturnFor, Targets.UseMiddleware, Targets.UseFactory,
        })
        {
            var tiny = new TinyAssembly().Startup("Startup", form, isStatic: false);
            await Serves(Build(tiny));
            File.Delete(Path.Combine(_folder.Path, tiny.Name + ".dll"));
        }

        Assert.Equal(true, _properties["seen"]);
    }

    [Fact]
    public async Task An_option_names_the_startup()
    {
        await Serves(Build(new TinyAssembly().Startup("My.Boot", Targets.Serve, "Run"), " My.Boot.Run "));
        var tiny = new TinyAssembly().Startup("My.Boot", Targets.Serve);
        await Serves(Build(tiny, "My.Boot, " + tiny.Name));
    }

    [Fact]
    public async Task The_startup_may_be_in_a_library_beside_the_application()
    {
        new TinyAssembly().Startup("Startup", Targets.Serve).Save(_folder);
        await Serves(Build(new TinyAssembly()));
    }

    [Fact]
    public async Task A_configuration_file_names_the_startup()
    {
        var tiny = new TinyAssembly().Startup("My.Boot", Targets.Serve).Startup("Startup", Targets.Throw);
        _folder.File(tiny.Name + ".dll.config", Settings("<add key='owin:AppStartup' value='My.Boot'/>"));
        await Serves(Build(tiny));
    }

    [Fact]
    public async Task An_option_goes_before_the_configuration_file_even_a_broken_one()
    {
        var tiny = new TinyAssembly().Startup("My.Boot", Targets.Serve);
        _folder.File(tiny.Name + ".dll.config", "<configuration><");
        await Serves(Build(tiny, "My.Boot"));
    }

    private static string Settings(string content) => $"<?xml version='1.0'?><configuration><appSettings>{content}</appSettings></configuration>";

    [Fact]
    public void Without_a_startup_the_text_says_what_was_sought_where_and_what_to_do()
    {
        var tiny = new TinyAssembly();
        Assert.Equal(
            "The following errors occurred while attempting to load the app."
            + "\n - No assembly found containing an OwinStartupAttribute."
            + "\n - No assembly found containing a Startup or [AssemblyName].Startup class."
            + $"\nSought: an OwinStartupAttribute, or a class Startup or {tiny.Name}.Startup with a public method Configuration(IAppBuilder)"
            + $"\nLooked in: {_folder.Path}/{tiny.Name}.dll and the assemblies in {_folder.Path}"
            + "\nTo specify the OWIN startup Assembly, Class, or Method, use --startup Namespace.Type[.Method][, Assembly]"
            + $" or add the appSetting owin:AppStartup to {tiny.Name}.dll.config.",
            Message(() => Build(tiny)));
    }

    [Fact]
    public void A_startup_that_was_named_and_not_found_is_named_in_the_text()
    {
        Assert.Contains(
            "\n - The given type or method 'My.Boot' was not found. Try specifying the Assembly.\nSought: 'My.Boot' as --startup says\n",
            Message(() => Build(new TinyAssembly(), "My.Boot")), StringComparison.Ordinal);
        var tiny = new TinyAssembly();
        string file = _folder.File(tiny.Name + ".dll.config", Settings("<add key='owin:AppStartup' value='My.Boot'/>"));
        Assert.Contains($"\nSought: 'My.Boot' as owin:AppStartup in '{file}' says\n", Message(() => Build(tiny)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_file_beside_it_is_one_line_of_the_text()
    {
        _folder.File("broken.dll", "no assembly");
        string[] lines = Message(() => Build(new TinyAssembly())).Split('\n');
        Assert.Single(lines, line => line.Contains("broken.dll", StringComparison.Ordinal));
    }

    [Fact]
    public void Two_startups_are_a_conflict()
    {
        new TinyAssembly().Startup("Startup", Targets.Serve).Save(_folder);
        Assert.Contains("\n - The discovered startup type 'Startup, ",
            Message(() => Build(new TinyAssembly().Startup("Startup", Targets.Serve))), StringComparison.Ordinal);
    }

    [Fact]
    public void An_exception_of_Configuration_is_shown_with_its_cause_and_the_applications_frames_alone()
    {
        var exception = Assert.Throws<StartupException>(
            () => Build(new TinyAssembly().Startup("My.Boot", Targets.Throw), "My.Boot"));
        Assert.StartsWith("The configuration of My.Boot failed: System.InvalidOperationException: no database\n", exception.Message, StringComparison.Ordinal);
        Assert.Contains("\n ---> System.TimeoutException: 5 s", exception.Message, StringComparison.Ordinal);
        Assert.Contains("   at Owind.Tests.Startup.Targets.Throw(IAppBuilder builder)", exception.Message, StringComparison.Ordinal);
        Assert.Contains("   at My.Boot.Configuration(IAppBuilder", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith($"\nApplication: {_folder.Path}/{exception.Message.Split('/')[^1]}", exception.Message, StringComparison.Ordinal);
        Assert.Equal(2, exception.Message.Split("   at ").Length - 1);
        Assert.IsType<InvalidOperationException>(exception.InnerException);
    }

    [Fact]
    public void A_wrong_Use_is_shown_at_the_applications_line()
    {
        string message = Message(() => Build(new TinyAssembly().Startup("Startup", Targets.UseWrongly)));
        Assert.StartsWith(
            "The configuration of Startup failed: System.NotSupportedException: The type 'System.Uri' does not match any known middleware pattern.\n"
            + "   at Owind.Tests.Startup.Targets.UseWrongly(IAppBuilder builder)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exception_while_the_pipeline_is_built_says_so() =>
        Assert.StartsWith("The pipeline of Startup could not be built: System.InvalidOperationException: late\n",
            Message(() => Build(new TinyAssembly().Startup("Startup", Targets.ThrowAtBuild))), StringComparison.Ordinal);

    [Fact]
    public void A_configuration_that_returns_null_says_so() =>
        Assert.Contains("returned null instead of an application",
            Message(() => Build(new TinyAssembly().Startup("Startup", Targets.ReturnNull))), StringComparison.Ordinal);

    [Fact]
    public void A_constructor_that_throws_says_so()
    {
        var tiny = new TinyAssembly();
        string message = Message(() => Build(tiny, typeof(FailingConstructor).AssemblyQualifiedName));
        Assert.StartsWith("The startup class could not be used: System.InvalidOperationException: cannot be made\n", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_does_not_exist_says_so() =>
        Assert.StartsWith($"The application was not found: there is no file '{_folder.Path}/No.dll'.\n",
            Message(() => ApplicationStartup.Start(_folder.Path + "/No.dll", null, _properties)), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_no_assembly_says_so()
    {
        foreach (byte[] content in new[] { [], "text"u8.ToArray(), new TinyAssembly().ToBytes()[..600] })
        {
            string file = _folder.File("bad.dll", content);
            Assert.StartsWith($"The application could not be loaded: '{file}' is not a .NET assembly, or is broken.\n",
                Message(() => ApplicationStartup.Start(file, null, _properties)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Discovery_that_was_switched_off_says_so()
    {
        var tiny = new TinyAssembly().Startup("Startup", Targets.Serve);
        string file = _folder.File("web.config", Settings("<add key='owin:AutomaticAppStartup' value='False'/>"));
        Assert.StartsWith($"OWIN startup discovery is disabled: '{file}' has the appSetting owin:AutomaticAppStartup with a value of \"false\".\n",
            Message(() => Build(tiny)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_configuration_file_says_so()
    {
        var tiny = new TinyAssembly().Startup("Startup", Targets.Serve);
        string file = _folder.File(tiny.Name + ".dll.config", "<configuration><");
        Assert.StartsWith($"The application's configuration file '{file}' could not be read: ", Message(() => Build(tiny)), StringComparison.Ordinal);
    }
}
