// The life of the one application of this process: configure() makes it ready to serve, stop() tells it that it
// is over. Loading and building are ApplicationStartup's; serving is RequestDispatcher's.

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Requests;

namespace Owind.Hosting;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal static class ApplicationHost
{
    private static readonly CancellationTokenSource s_disposing = new();
    private static TextWriter? s_traceOutput;
    private static bool s_listening;

    /// <summary>Loads the application and serves requests with it from now on.</summary>
    /// <exception cref="StartupException">It cannot be started; the text is for the user.</exception>
    internal static void Configure(ServerSettings settings)
    {
        Log.SetThreshold(settings.LogLevel);
        ListenForUnhandledExceptions();

        var initialisers = new List<Func<Task>>();
        Dictionary<string, object> properties =
            StartupProperties.Create(settings, s_disposing.Token, initialisers.Add);
        s_traceOutput = (TextWriter)properties[StartupProperties.TraceOutput];
        AppFunc app = ApplicationStartup.Build(settings.Application, settings.Startup, properties);
        Initialise(initialisers);
        RequestDispatcher.Serve(new OwinApplication(app, properties));
    }

    /// <summary>Cancels host.OnAppDisposing and waits for its callbacks. All requests are over by then.</summary>
    internal static void Dispose()
    {
        try
        {
            s_disposing.Cancel();
        }
        catch (AggregateException exception)
        {
            foreach (Exception inner in exception.Flatten().InnerExceptions)
            {
                Log.Exception(LogLevel.Error, "a callback of host.OnAppDisposing failed", inner);
            }
        }

        s_traceOutput?.Flush();
    }

    /// <summary>The text that the user gets when <see cref="Configure"/> has thrown.</summary>
    internal static string ExplainFailure(Exception exception) =>
        exception is StartupException ? exception.Message : Log.Describe(exception);

    private static void Initialise(List<Func<Task>> initialisers)
    {
        // Nobody is served yet, so waiting holds up nothing. An initialiser may register another.
        for (int i = 0; i < initialisers.Count; i++)
        {
            try
            {
                initialisers[i]().GetAwaiter().GetResult();
            }
            catch (Exception exception)
            {
                throw new StartupException(
                    $"A callback that middleware registered with server.OnInit failed: {exception.Message}\n" +
                    Log.Describe(exception), exception);
            }
        }
    }

    private static void ListenForUnhandledExceptions()
    {
        if (s_listening)
        {
            return;
        }

        s_listening = true;
        AppDomain.CurrentDomain.UnhandledException += static (_, failure) =>
        {
            if (failure.ExceptionObject is Exception exception)
            {
                Log.Exception(LogLevel.Error, "an exception that nobody caught ends the process", exception);
            }
        };
        TaskScheduler.UnobservedTaskException += static (_, failure) =>
            Log.Exception(LogLevel.Warning, "a Task failed and nobody looked at it", failure.Exception);
    }
}
