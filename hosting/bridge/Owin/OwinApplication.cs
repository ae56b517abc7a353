// What all requests to one OWIN application have in common: the delegate, the values of host.* and server.* that
// are the same in every environment (OWIN 1.0.1 §4, CommonKeys §4-§6), and which keys every environment has.

using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Requests;

namespace Owind.Hosting;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed class OwinApplication : RequestFactory
{
    /// <param name="app">The pipeline.</param>
    /// <param name="properties">The start-up Properties as the application has left them.</param>
    internal OwinApplication(AppFunc app, IDictionary<string, object> properties)
    {
        App = app;
        Capabilities = Property(properties, StartupProperties.Capabilities);
        TraceOutput = Property(properties, StartupProperties.TraceOutput);
        AppName = Property(properties, StartupProperties.AppName) as string ?? string.Empty;
        AppMode = Property(properties, StartupProperties.AppMode) as string;
        OnAppDisposing = Property(properties, StartupProperties.OnAppDisposing) ?? CancellationToken.None;
        AlwaysPresent = OwinEnvironment.PresentInAll | (AppMode != null ? OwinEnvironment.Bit(KeyId.AppMode) : 0);
    }

    internal AppFunc App { get; }

    /// <summary>server.Capabilities: the same instance as at start-up.</summary>
    internal object? Capabilities { get; }

    internal object? TraceOutput { get; }

    internal string AppName { get; }

    /// <summary>Null in production: the key is not there then.</summary>
    internal string? AppMode { get; }

    internal bool Development => AppMode == StartupProperties.DevelopmentMode;

    /// <summary>A CancellationToken, boxed once: host.OnAppDisposing and server.OnDispose.</summary>
    internal object OnAppDisposing { get; }

    /// <summary>The keys, as bits, that every environment of this application begins with.</summary>
    internal ulong AlwaysPresent { get; }

    internal override unsafe BridgeRequest Create(ulong token, RequestBlock* block) =>
        new OwinEnvironment(this, token, block);

    private static object? Property(IDictionary<string, object> properties, string key) =>
        properties.TryGetValue(key, out object? value) ? value : null;
}
