// An application that configures itself in its Main, by Katana's WebApp.Start: Main is run, on a thread of its own, with
// this server in the place of the one that would open a port (see OwinServerFactory). Only for applications without a
// startup that can be found, and for those whose entry point is named as the startup.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.Loader;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Bridge;

namespace Owind.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed class ProgramStartup
{
    private const string HostingAssembly = "Microsoft.Owin.Hosting";
    private const string ServerVariable = "OWIN_SERVER";

    // A program that has not started a server by then waits for something else: a key, another program.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    // What a program does behind its server is cleaning up.
    private static readonly TimeSpan s_cleanUp = TimeSpan.FromSeconds(5);

    private readonly MethodInfo _main;
    private readonly ServerRegistration _registration;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _thread;

    private ProgramStartup(MethodInfo main, IDictionary<string, object> properties)
    {
        _main = main;
        _registration = new ServerRegistration(properties);
    }

    /// <summary>Whether the application has a Main that may start a server by Microsoft.Owin.Hosting.</summary>
    internal static bool IsSelfHosting(Assembly application) =>
        application.EntryPoint != null
        && Array.Exists(application.GetReferencedAssemblies(), static reference => reference.Name == HostingAssembly);

    /// <summary>Whether that method of the type is its assembly's entry point, as it was written (`async Task Main`
    /// becomes another method that calls it).</summary>
    internal static bool IsEntryPoint(Type type, string methodName) =>
        type.Assembly.EntryPoint is { } main && main.DeclaringType == type
        && (main.Name == methodName || main.Name == $"<{methodName}>");

    /// <summary>Runs the entry point until it starts its server.</summary>
    /// <param name="application">It has an entry point.</param>
    /// <param name="server">The server's start-up Properties.</param>
    /// <param name="app">What the program wants to be served.</param>
    /// <param name="properties">The Properties of the program's own builder.</param>
    /// <exception cref="InvalidOperationException">It ended, or waited, without starting one.</exception>
    /// <exception cref="TargetInvocationException">It failed.</exception>
    internal static ProgramStartup Run(
        Assembly application, IDictionary<string, object> server, out AppFunc app, out IDictionary<string, object> properties)
    {
        var program = new ProgramStartup(application.EntryPoint!, server);
        program._registration.Open();
        string? before = Environment.GetEnvironmentVariable(ServerVariable);
        Environment.SetEnvironmentVariable(ServerVariable, typeof(OwinServerFactory).Assembly.GetName().Name);
        AssemblyLoadContext.Default.Resolving += ResolveOwn;
        try
        {
            program._thread = new Thread(program.RunMain) { IsBackground = true, Name = "owind main" };
            program._thread.Start();
            Task<(AppFunc App, IDictionary<string, object> Properties)> registered = program._registration.Registered;
            Task.WaitAny([registered, program._ended.Task], s_patience);
            if (!registered.IsCompleted)
            {
                program._registration.End();
                if (program._ended.Task.IsFaulted)
                {
                    throw new TargetInvocationException(program._ended.Task.Exception!.InnerException);
                }

                throw new InvalidOperationException(program._ended.Task.IsCompleted
                    ? "Main has ended without starting a server (WebApp.Start)."
                    : $"Main has not started a server (WebApp.Start) within {s_patience.TotalSeconds:0} s.");
            }

            (app, properties) = registered.Result;
            return program;
        }
        finally
        {
            program._registration.Close();
            AssemblyLoadContext.Default.Resolving -= ResolveOwn;
            Environment.SetEnvironmentVariable(ServerVariable, before);
        }
    }

    /// <summary>The server has stopped: lets Main go on and waits for its end, within reason.</summary>
    internal void End()
    {
        _registration.End();
        if (!_thread!.Join(s_cleanUp))
        {
            Log.Write(LogLevel.Info, "the application's Main has not ended with its server; it is left behind");
        }
    }

    private void RunMain()
    {
        try
        {
            // Task and ValueTask are unwrapped by the compiler's entry point; this one returns void or int.
            object?[] arguments = _main.GetParameters().Length == 0 ? [] : [Array.Empty<string>()];
            _main.Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null);
            _ended.SetResult();
        }
        catch (Exception exception)
        {
            if (_registration.Registered.IsCompleted)
            {
                Log.Exception(LogLevel.Error, "the application's Main failed after it had started its server", exception);
            }

            _ended.SetException(exception);
            _ = _ended.Task.Exception;
        }
    }

    // The bridge has a load context of its own, where the program cannot look.
    private static Assembly? ResolveOwn(AssemblyLoadContext context, AssemblyName name)
    {
        Assembly own = typeof(OwinServerFactory).Assembly;
        return name.Name == own.GetName().Name ? own : null;
    }
}
