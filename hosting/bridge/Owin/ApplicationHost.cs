// The life of one application: loading makes it ready to serve, disposing tells it that it is over. Finding and
// building it are ApplicationStartup's; serving is RequestDispatcher's. A process has one (Current).

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Requests;
using Owind.Startup;
using Owind.Validation;

namespace Owind.Hosting;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed class ApplicationHost
{
    private static ApplicationHost? s_current;

    private readonly CancellationTokenSource _disposing = new();
    private readonly List<Func<Task>> _initialisers = [];
    private readonly Dictionary<string, object> _properties;
    private readonly ServerSettings _settings;
    private readonly TextWriter _traceOutput;
    private ProgramStartup? _program;

    internal ApplicationHost(ServerSettings settings)
    {
        _settings = settings;
        _properties = StartupProperties.Create(settings, _disposing.Token, _initialisers.Add);

        // Kept, because the application may put something else in its place.
        _traceOutput = (TextWriter)_properties[StartupProperties.TraceOutput];
    }

    /// <summary>configure(): loads the application of this process and serves requests with it from now on.</summary>
    /// <exception cref="StartupException">It cannot be started; the text is for the user.</exception>
    internal static void Configure(ServerSettings settings)
    {
        Log.SetThreshold(settings.LogLevel);
        ListenForUnhandledExceptions();
        ApplicationSurroundings.Prepare(settings.Application);
        var host = new ApplicationHost(settings);
        OwinApplication application = host.Load();
        Volatile.Write(ref s_current, host);
        RequestDispatcher.Serve(application);
    }

    /// <summary>stop(): nothing is to be done when no application was loaded.</summary>
    internal static void DisposeCurrent() => Volatile.Read(ref s_current)?.Dispose();

    /// <summary>The text that the user gets when <see cref="Configure"/> has thrown.</summary>
    internal static string ExplainFailure(Exception exception) =>
        exception is StartupException ? exception.Message : Log.Describe(exception);

    /// <summary>Finds the application, builds its pipeline, and runs what it registered with server.OnInit.</summary>
    /// <exception cref="StartupException">It cannot be started.</exception>
    internal OwinApplication Load()
    {
        StartedApplication started = ApplicationStartup.Start(_settings.Application, _settings.Startup, _properties);
        _program = started.Program;
        Initialise();
        AppFunc app = _settings.Validate
            ? Checkpoint.Before(Checkpoint.Server, started.Name, started.App)
            : started.App;
        return new OwinApplication(app, started.Properties);
    }

    /// <summary>Cancels host.OnAppDisposing and waits for its callbacks. All requests are over by then.</summary>
    internal void Dispose()
    {
        try
        {
            _disposing.Cancel();
        }
        catch (AggregateException exception)
        {
            foreach (Exception inner in exception.Flatten().InnerExceptions)
            {
                Log.Exception(LogLevel.Error, "a callback of host.OnAppDisposing failed", inner);
            }
        }

        _program?.End();
        _traceOutput.Flush();
    }

    private void Initialise()
    {
        // Nobody is served yet, so waiting holds up nothing. An initialiser may register another.
        for (int i = 0; i < _initialisers.Count; i++)
        {
            try
            {
                _initialisers[i]().GetAwaiter().GetResult();
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
