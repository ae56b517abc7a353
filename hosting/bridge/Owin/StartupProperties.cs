// The start-up Properties (OWIN 1.0.1 §4, CommonKeys §4 and §5, and what Katana's host sets): made before the
// application is loaded, handed to it through its builder. Whatever is heavy is a delegate that does its work when
// it is first called.

using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Owind.Startup;

namespace Owind.Hosting;

internal static class StartupProperties
{
    internal const string OwinVersion = "owin.Version";
    internal const string Capabilities = "server.Capabilities";
    internal const string ServerName = "server.Name";
    internal const string SendFileVersion = "sendfile.Version";
    internal const string SendFileSupport = "sendfile.Support";
    internal const string SendFileConcurrency = "sendfile.Concurrency";
    internal const string OnInit = "server.OnInit";
    internal const string OnDispose = "server.OnDispose";
    internal const string LoggerFactory = "server.LoggerFactory";
    internal const string TraceOutput = "host.TraceOutput";
    internal const string TraceSource = "host.TraceSource";
    internal const string ReferencedAssemblies = "host.ReferencedAssemblies";
    internal const string AppName = "host.AppName";
    internal const string AppMode = "host.AppMode";
    internal const string OnAppDisposing = "host.OnAppDisposing";
    internal const string Addresses = "host.Addresses";
    internal const string Validate = "owind.Validate";
    internal const string DataProtectionProvider = "security.DataProtectionProvider";

    /// <summary>The value of <see cref="AppMode"/> while details of errors may be shown; else the key is absent.
    /// </summary>
    internal const string DevelopmentMode = "development";

    /// <param name="disposing">Cancelled when all requests are over.</param>
    /// <param name="onInit">Takes what middleware wants run once before the first request.</param>
    internal static Dictionary<string, object> Create(
        ServerSettings settings, CancellationToken disposing, Action<Func<Task>> onInit)
    {
        object token = disposing;
        var properties = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            [OwinVersion] = OwinEnvironment.Version,
            [Capabilities] = CreateCapabilities(settings.ServerName),
            [TraceOutput] = new TraceWriter(),
            [TraceSource] = ApplicationTrace.CreateSource(),
            [ReferencedAssemblies] = new ReferencedAssemblies(settings.Application),
            [OnAppDisposing] = token,
            [OnDispose] = token,
            [OnInit] = onInit,
            [Addresses] = settings.Addresses,
            [LoggerFactory] = ApplicationLog.Factory,
            [DataProtectionProvider] = Owind.DataProtection.DataProtectionProvider.Create(settings.DataProtection),
        };
        if (settings.AppName != null)
        {
            properties[AppName] = settings.AppName;
        }

        if (settings.Validate)
        {
            properties[Validate] = true;
        }

        if (settings.Development)
        {
            properties[AppMode] = DevelopmentMode;
        }

        return properties;
    }

    private static Dictionary<string, object> CreateCapabilities(string serverName) => new(StringComparer.Ordinal)
    {
        [ServerName] = serverName,
        [SendFileVersion] = "1.0",
        [SendFileSupport] = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            [SendFileConcurrency] = "Overlapped",
        },
    };
}
