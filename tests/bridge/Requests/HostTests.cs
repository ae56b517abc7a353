// Start and stop of an application: what configure() is given, what the application finds in its Properties
// (OWIN 1.0.1 §4, CommonKeys), and how it is told that it is over.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Owin;
using Owind.Boundary;
using Owind.Hosting;
using Xunit;

namespace Owind.Tests.Requests;

using AppFunc = Func<IDictionary<string, object>, Task>;
using Properties = IDictionary<string, object>;

public class HostTests
{
    [Fact(DisplayName = "an application that is loaded finds the start-up Properties and serves with what it built")]
    public void LoadedApplication()
    {
        var host = new ApplicationHost(Settings(nameof(Recording)).Add("app-name", "").Parse());
        OwinApplication application = host.Load();

        Properties properties = Recording.Properties!;
        Assert.Equal("1.0", properties["owin.Version"]);
        Assert.Same(application.Capabilities, properties["server.Capabilities"]);
        Assert.Same(application.TraceOutput, properties["host.TraceOutput"]);
        Assert.Equal(typeof(Recording).FullName!, properties["host.AppName"]);
        Assert.Equal(typeof(Recording).FullName!, application.AppName);
        Assert.False(properties.ContainsKey("host.AppMode"));
        Assert.Equal(properties["host.OnAppDisposing"], properties["server.OnDispose"]);
        Assert.IsType<CancellationToken>(properties["host.OnAppDisposing"]);
        Assert.IsType<Action<Func<Task>>>(properties["server.OnInit"]);
        Assert.IsType<Func<string[], Tuple<Func<byte[], byte[]>, Func<byte[], byte[]>>>>(
            properties["security.DataProtectionProvider"]);
        var address = Assert.Single((IList<IDictionary<string, object>>)properties["host.Addresses"]);
        Assert.Equal(("http", "127.0.0.1", "9000", "/base"),
            ((string)address["scheme"], (string)address["host"], (string)address["port"], (string)address["path"]));
        Assert.IsType<TraceSource>(properties["host.TraceSource"]);
        Assert.Equal(typeof(HostTests).Assembly, ((IEnumerable<Assembly>)properties["host.ReferencedAssemblies"]).First());
        Assert.Equal(1, Recording.Initialised);
        Assert.NotNull(application.App);
    }

    [Fact(DisplayName = "disposing cancels host.OnAppDisposing; a callback that throws is a log line and stops nobody")]
    public void Dispose()
    {
        var host = new ApplicationHost(Settings(nameof(Disposing)).Parse());
        host.Load();
        Assert.False(Disposing.Ran);
        host.Dispose();
        Assert.True(Disposing.Ran);
        Assert.Contains(FakeBoundary.Log, static record =>
            record.Level == LogLevel.Error && record.Text.Contains("disposing failed on purpose"));
        Assert.Contains((LogLevel.Info, "an unfinished line"), FakeBoundary.Log);
        host.Dispose();
    }

    [Fact(DisplayName = "a failing server.OnInit callback stops the start with its text")]
    public void FailingInitialiser()
    {
        var host = new ApplicationHost(Settings(nameof(FailingInit)).Parse());
        Assert.Contains("init failed on purpose", Assert.Throws<StartupException>(host.Load).Message);
    }

    [Fact(DisplayName = "configure() answers FAILED with the text for the user, and stop() without an application is OK")]
    public unsafe void ConfigureFails()
    {
        byte[] settings = new SettingsText().Add("application", "/no/such/App.dll").Bytes;
        byte* error = stackalloc byte[4096];
        int length = -1;
        fixed (byte* bytes = settings)
        {
            Assert.Equal(Status.Failed, FakeBoundary.Managed->Configure(bytes, settings.Length, 1, error, 4096, &length));
            Assert.Contains("/no/such/App.dll", Encoding.UTF8.GetString(error, length));
            Assert.Equal(Status.Failed, FakeBoundary.Managed->Configure(bytes, settings.Length - 1, 1, error, 4096, &length));
            Assert.Contains("in the middle", Encoding.UTF8.GetString(error, length));
        }

        Assert.Equal(Status.Ok, FakeBoundary.Managed->Stop(StopKind.Dispose));
        Assert.Equal(Status.Unsupported, FakeBoundary.Managed->Stop((StopKind)99));
    }

    [Fact(DisplayName = "settings that are not known are ignored; empty ones count as absent")]
    public void SettingsAreParsed()
    {
        ServerSettings settings = new SettingsText().Add("max-later", "7").Add("application", "/a/App.dll")
            .Add("startup", "").Add("app-name", "N").Add("mode", "development").Add("path-base", "/b")
            .Add("server-name", "owind/0.1.0").Add("address", "http|h|80|").Add("address", "https").Add("log-level", "error")
            .Add("data-protection", "/keys").Parse();
        Assert.Equal(("/a/App.dll", null, "N", true), (settings.Application, settings.Startup, settings.AppName, settings.Development));
        Assert.Equal(("/b", "owind/0.1.0", "/keys", LogLevel.Error),
            (settings.PathBase, settings.ServerName, settings.DataProtection, settings.LogLevel));
        Assert.Equal(["http", "https"], settings.Addresses.Select(static address => address["scheme"]));
        Assert.Equal("", settings.Addresses[1]["port"]);
    }

    [Fact(DisplayName = "settings of which a length reaches past the end are refused")]
    public void BrokenSettings()
    {
        byte[] bytes = new SettingsText().Add("mode", "development").Bytes;
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<FormatException>(() => ServerSettings.Parse(bytes.AsSpan(0, length), 1));
        }

        Assert.Throws<FormatException>(() => ServerSettings.Parse(bytes, 0));
        bytes[7] = 0xff;
        Assert.Throws<FormatException>(() => ServerSettings.Parse(bytes, 1));
    }

    [Fact(DisplayName = "host.TraceOutput makes a log record of each line, and of a rest when it is flushed")]
    public void TraceOutput()
    {
        var writer = new TraceWriter();
        writer.Write("trace-1 ");
        writer.Write('a');
        writer.Write("b\r\ntrace-2\ntrace-3".ToCharArray());
        Assert.Equal(["trace-1 ab", "trace-2"], Traced());
        writer.WriteLine(" and {0}", 4);
        writer.WriteLine();
        writer.Write((string?)null);
        writer.WriteLine("trace-5");
        writer.Write("trace-6");
        writer.Flush();
        writer.Flush();
        Assert.Equal(["trace-1 ab", "trace-2", "trace-3 and 4", "trace-5", "trace-6"], Traced());

        static IEnumerable<string> Traced() => FakeBoundary.Log
            .Where(static record => record.Level == LogLevel.Info && record.Text.StartsWith("trace-"))
            .Select(static record => record.Text);
    }

    [Fact(DisplayName = "server.LoggerFactory writes with the name, at the level of the event, and tells whether it would")]
    public void LoggerFactory()
    {
        Func<TraceEventType, int, object?, Exception?, Func<object?, Exception?, string>?, bool> log =
            ApplicationLog.Factory("My.Logger");
        Assert.True(log(TraceEventType.Error, 0, null, null, null));
        Assert.False(log(TraceEventType.Verbose, 0, "quiet", null, null));
        Assert.True(log(TraceEventType.Critical, 1, "state", new InvalidOperationException("inner"),
            static (state, exception) => $"{state}+{exception!.Message}"));
        Assert.True(log(TraceEventType.Warning, 1, "plain", null, null));
        Assert.True(log(TraceEventType.Information, 1, null, new InvalidOperationException("alone"), null));
        (LogLevel Level, string Text)[] records =
            FakeBoundary.Log.Where(static record => record.Text.StartsWith("My.Logger: ")).ToArray();
        Assert.Equal((LogLevel.Error, "My.Logger: state+inner"), records[0]);
        Assert.Equal((LogLevel.Warning, "My.Logger: plain"), records[1]);
        Assert.StartsWith("My.Logger: System.InvalidOperationException: alone", records[2].Text);
        Assert.Equal(3, records.Length);
    }

    [Fact(DisplayName = "host.TraceSource writes each kind of event at its level, and never to Trace or Debug")]
    public void TraceSource()
    {
        TraceSource source = ApplicationTrace.CreateSource();
        Assert.DoesNotContain(source.Listeners.Cast<TraceListener>(), static listener => listener is DefaultTraceListener);
        source.TraceEvent(TraceEventType.Critical, 1, "source-1");
        source.TraceEvent(TraceEventType.Warning, 2, "source-2 {0}", 5);
        source.TraceInformation("source-3 {not a format");
        source.TraceData(TraceEventType.Error, 3, "source-4");
        source.TraceData(TraceEventType.Error, 3, "source-5", 6);
        source.TraceEvent(TraceEventType.Verbose, 4, "source-6");
        source.Listeners[0].Write("source");
        source.Listeners[0].WriteLine("-7");
        (LogLevel, string)[] records = FakeBoundary.Log
            .Where(static record => record.Text.Contains("source-", StringComparison.Ordinal))
            .Select(static record => (record.Level, record.Text)).ToArray();
        Assert.Equal(
        [
            (LogLevel.Error, "HostingTraceSource: source-1"),
            (LogLevel.Warning, "HostingTraceSource: source-2 5"),
            (LogLevel.Info, "HostingTraceSource: source-3 {not a format"),
            (LogLevel.Error, "HostingTraceSource: source-4"),
            (LogLevel.Error, "HostingTraceSource: source-5, 6"),
            (LogLevel.Info, "source-7"),
        ], records);
    }

    private static SettingsText Settings(string startup) => new SettingsText()
        .Add("application", typeof(HostTests).Assembly.Location)
        .Add("startup", $"Owind.Tests.Requests.HostTests+{startup}, Owind.Bridge.Tests")
        .Add("address", "http|127.0.0.1|9000|/base");

    public class Recording
    {
        internal static Properties? Properties { get; private set; }

        internal static int Initialised { get; private set; }

        public void Configuration(IAppBuilder app)
        {
            Properties = app.Properties;
            ((Action<Func<Task>>)app.Properties["server.OnInit"])(() =>
            {
                Initialised++;
                return Task.CompletedTask;
            });
            app.Use(new Func<AppFunc, AppFunc>(static _ => static _ => Task.CompletedTask));
        }
    }

    public class Disposing
    {
        internal static bool Ran { get; private set; }

        public void Configuration(IAppBuilder app)
        {
            var token = (CancellationToken)app.Properties["host.OnAppDisposing"];
            token.Register(static () => Ran = true);
            token.Register(static () => throw new InvalidOperationException("disposing failed on purpose"));
            ((TextWriter)app.Properties["host.TraceOutput"]).Write("an unfinished line");
        }
    }

    public class FailingInit
    {
        public void Configuration(IAppBuilder app) =>
            ((Action<Func<Task>>)app.Properties["server.OnInit"])(
                static () => throw new InvalidOperationException("init failed on purpose"));
    }
}
