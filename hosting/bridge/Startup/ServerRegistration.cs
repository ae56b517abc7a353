// The place where a program that starts its own server (Katana's WebApp.Start) meets this one: the program asks for the
// server factory, and what it gives to that is the application to serve. Open only while such a program is being run
// at start-up (see ProgramStartup); a process has at most one.

using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Owind.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed class ServerRegistration
{
    private static ServerRegistration? s_current;

    private readonly IDictionary<string, object> _server;
    private readonly TaskCompletionSource<(AppFunc App, IDictionary<string, object> Properties)> _registered =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _over = new(initialState: false);

    /// <param name="server">The server's start-up Properties.</param>
    internal ServerRegistration(IDictionary<string, object> server) => _server = server;

    /// <summary>The application and the Properties that its builder has; ends when the program has given it.</summary>
    internal Task<(AppFunc App, IDictionary<string, object> Properties)> Registered => _registered.Task;

    /// <summary>Makes this the one that the factory finds.</summary>
    /// <exception cref="InvalidOperationException">There is another.</exception>
    internal void Open()
    {
        if (Interlocked.CompareExchange(ref s_current, this, null) != null)
        {
            throw new InvalidOperationException("Another program is being started in this process.");
        }
    }

    /// <summary>The factory finds none any more.</summary>
    internal void Close() => Interlocked.CompareExchange(ref s_current, null, this);

    /// <summary>The server has stopped: the program may go on behind its server.</summary>
    internal void End() => _over.Set();

    /// <summary>The one that is open.</summary>
    /// <exception cref="InvalidOperationException">None is.</exception>
    internal static ServerRegistration Current() => Volatile.Read(ref s_current) ?? throw new InvalidOperationException(
        "owind starts no application now: a server can be started once, by the program that owind runs at its start.");

    /// <summary>Puts the server's own values into the Properties of the program's builder.</summary>
    internal void Initialize(IDictionary<string, object> properties)
    {
        foreach (KeyValuePair<string, object> pair in _server)
        {
            // The name of the application is its own to choose; builder.* belongs to its builder.
            bool theirs = pair.Key.StartsWith("builder.", StringComparison.Ordinal)
                || (pair.Key == "host.AppName" && properties.ContainsKey(pair.Key));
            if (!theirs)
            {
                properties[pair.Key] = pair.Value;
            }
        }

        if (!_server.ContainsKey("host.AppMode"))
        {
            properties.Remove("host.AppMode");
        }
    }

    /// <summary>Takes the application.</summary>
    /// <returns>Its Dispose waits until the server has stopped: programs call it when their console is closed,
    /// which says nothing here.</returns>
    /// <exception cref="InvalidOperationException">There is one already.</exception>
    internal IDisposable Register(AppFunc app, IDictionary<string, object> properties) =>
        _registered.TrySetResult((app, properties))
            ? new Server(_over)
            : throw new InvalidOperationException(
                "owind serves one application a process, and this program has started one already.");

    private sealed class Server(ManualResetEventSlim over) : IDisposable
    {
        public void Dispose() => over.Wait();
    }
}
