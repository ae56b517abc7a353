// The server factory as Katana's hosting looks for it: a type OwinServerFactory in the namespace of its assembly. A
// program that calls WebApp.Start gets this one when owind runs it (OWIN_SERVER names it), and registers its
// application instead of opening a port.

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owind.Startup;

namespace Owind.Bridge;

using AppFunc = Func<IDictionary<string, object>, Task>;

/// <summary>Called by name and shape; see Microsoft.Owin.Hosting.</summary>
public static class OwinServerFactory
{
    /// <summary>Puts what the server offers into the start-up Properties (OWIN 1.0.1 §4).</summary>
    /// <exception cref="InvalidOperationException">owind is not starting a program now.</exception>
    public static void Initialize(IDictionary<string, object> properties)
    {
        ArgumentNullException.ThrowIfNull(properties);
        ServerRegistration.Current().Initialize(properties);
    }

    /// <summary>Makes <paramref name="app"/> the application that is served.</summary>
    /// <param name="app">The pipeline.</param>
    /// <param name="properties">The Properties that it was built with.</param>
    /// <returns>Its Dispose waits until the server has stopped.</returns>
    /// <exception cref="InvalidOperationException">owind is not starting a program now, or this is its second server.</exception>
    public static IDisposable Create(AppFunc app, IDictionary<string, object> properties)
    {
        ArgumentNullException.ThrowIfNull(app);
        ArgumentNullException.ThrowIfNull(properties);
        return ServerRegistration.Current().Register(app, properties);
    }
}
