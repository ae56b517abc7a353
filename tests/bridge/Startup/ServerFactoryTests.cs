// Applications that start their server in Main: the factory that Katana's hosting finds by name and shape, and what
// becomes of programs that do not keep to it.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Hosting;
using Owind.Tests.Requests;
using Owind.Tests.Support;
using Xunit;

namespace Owind.Tests.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;

public sealed class ServerFactoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>What the programs below do; called from their Main.</summary>
    public static class Programs
    {
        internal static List<string> Log { get; } = [];

        internal static IDictionary<string, object> Properties { get; private set; } = null!;

        internal static AppFunc App { get; } = static _ => Task.CompletedTask;

        public static void Katana()
        {
            // As Microsoft.Owin.Hosting does it (ServerFactoryLoader, ServerFactoryAdapter).
            string server = System.Environment.GetEnvironmentVariable("OWIN_SERVER", EnvironmentVariableTarget.Process)!;
            Type factory = Assembly.Load(server).GetType(server + ".OwinServerFactory")!;
            Properties = new Dictionary<string, object>
            {
                ["host.AppName"] = "Its.Name",
                ["host.AppMode"] = "development",
                ["host.OnAppDisposing"] = "the host's",
                ["builder.DefaultApp"] = "the builder's",
            };
            factory.GetMethod("Initialize", [typeof(IDictionary<string, object>)])!.Invoke(null, [Properties]);
            MethodInfo create = factory.GetMethod("Create")!;
            Assert.Equal(
                [typeof(AppFunc), typeof(IDictionary<string, object>)], create.GetParameters().Select(static p => p.ParameterType));
            using ((IDisposable)create.Invoke(null, [App, Properties])!)
            {
                Log.Add("started");
                Assert.IsType<InvalidOperationException>(Assert.Throws<TargetInvocationException>(
                    () => create.Invoke(null, [App, Properties])).InnerException);
                Log.Add("refused");
            }

            Log.Add("behind");
        }

        public static void EndsAtOnce() => Log.Add("ended");

        public static void Throws() => throw new InvalidOperationException("no settings");

        public static void ThrowsLater()
        {
            Bridge.OwinServerFactory.Create(App, new Dictionary<string, object>());
            throw new InvalidOperationException("failed behind its server");
        }
    }

    private string Program(Action main, bool refersToHosting = true)
    {
        var hosting = new TinyAssembly("Microsoft.Owin.Hosting");
        hosting.Class("Microsoft.Owin.Hosting.WebApp");
        Type webApp = hosting.LoadInto(new System.Runtime.Loader.AssemblyLoadContext("hosting")).GetType("Microsoft.Owin.Hosting.WebApp")!;
        var tiny = new TinyAssembly();
        TypeBuilder type = tiny.Class("Its.Program");
        TinyAssembly.Method(type, "Main", main.Method);
        if (refersToHosting)
        {
            type.DefineField("_server", webApp, FieldAttributes.Private | FieldAttributes.Static);
        }

        return tiny.SaveProgram(_folder, "Its.Program", "Main");
    }

    private ApplicationHost Host(string file, string startup = "") => new(new SettingsText()
        .Add("application", file).Add("startup", startup).Add("address", "http|127.0.0.1|9000|").Parse());

    [Theory]
    [InlineData("", true)]
    [InlineData("Its.Program.Main", false)]
    public void A_program_that_starts_a_server_in_Main_registers_its_application(string startup, bool refersToHosting)
    {
        Programs.Log.Clear();
        ApplicationHost host = Host(Program(Programs.Katana, refersToHosting), startup);
        OwinApplication application = host.Load();
        Assert.Same(Programs.App, application.App);
        Assert.Equal("Its.Name", application.AppName);
        Assert.False(application.Development);
        Assert.Equal("1.0", Programs.Properties["owin.Version"]);
        Assert.Same(application.Capabilities, Programs.Properties["server.Capabilities"]);
        Assert.Equal("the builder's", Programs.Properties["builder.DefaultApp"]);
        var disposing = (CancellationToken)Programs.Properties["host.OnAppDisposing"];
        Assert.Equal(disposing, application.OnAppDisposing);

        host.Dispose();
        Assert.True(disposing.IsCancellationRequested);
        Assert.Equal(["started", "refused", "behind"], Programs.Log);
        Assert.Throws<InvalidOperationException>(() => Bridge.OwinServerFactory.Create(Programs.App, Programs.Properties));
    }

    [Fact]
    public void A_program_that_does_not_refer_to_a_host_is_not_run()
    {
        Programs.Log.Clear();
        string message = Assert.Throws<StartupException>(Host(Program(Programs.EndsAtOnce, refersToHosting: false)).Load).Message;
        Assert.StartsWith("The following errors occurred", message, StringComparison.Ordinal);
        Assert.Empty(Programs.Log);
    }

    [Fact]
    public void A_program_that_ends_without_a_server_or_fails_says_so()
    {
        string message = Assert.Throws<StartupException>(Host(Program(Programs.EndsAtOnce)).Load).Message;
        Assert.Contains("No assembly found containing an OwinStartupAttribute.", message, StringComparison.Ordinal);
        Assert.Contains("Main has ended without starting a server (WebApp.Start).", message, StringComparison.Ordinal);
        message = Assert.Throws<StartupException>(Host(Program(Programs.Throws)).Load).Message;
        Assert.Contains("InvalidOperationException: no settings", message, StringComparison.Ordinal);
        Assert.DoesNotContain("TargetInvocationException", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_fails_behind_its_server_is_a_log_line_and_serving_goes_on()
    {
        ApplicationHost host = Host(Program(Programs.ThrowsLater));
        Assert.Same(Programs.App, host.Load().App);
        host.Dispose();
        Assert.Contains(FakeBoundary.Log, static record =>
            record.Level == LogLevel.Error && record.Text.Contains("failed behind its server", StringComparison.Ordinal));
    }

    [Fact]
    public void The_variable_that_names_the_server_is_as_it_was_before()
    {
        Host(Program(Programs.ThrowsLater)).Load();
        Assert.Null(System.Environment.GetEnvironmentVariable("OWIN_SERVER"));
    }
}
