// From an assembly file to the delegate that serves requests: loads the application into the default load context,
// finds its startup (option, configuration file, discovery), runs it against a builder over the server's
// Properties, and builds the pipeline. For applications without any IAppBuilder too. Called once, at start-up.

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;
using System.Threading.Tasks;
using Owind.Startup;

namespace Owind.Hosting;

using AppFunc = Func<IDictionary<string, object>, Task>;

/// <summary>Starts an OWIN application.</summary>
internal static class ApplicationStartup
{
    /// <summary>Loads, configures and builds an application.</summary>
    /// <param name="assemblyPath">The application's .dll or .exe.</param>
    /// <param name="startup">What <c>--startup</c> says; null or blank: as its configuration file says, else
    /// discovered.</param>
    /// <param name="properties">The start-up Properties. The application sees this instance, unless it makes a builder
    /// of its own (WebApp.Start).</param>
    /// <exception cref="StartupException">It cannot be started; nothing else is thrown.</exception>
    public static StartedApplication Start(
        string assemblyPath, string? startup, IDictionary<string, object> properties)
    {
        assemblyPath = Path.GetFullPath(assemblyPath);
        Assembly application = LoadApplication(assemblyPath);
        string? fromFile = null;
        if (string.IsNullOrWhiteSpace(startup))
        {
            startup = fromFile = ReadSettings(assemblyPath, out string? file);
            fromFile = startup == null ? null : file;
        }

        var errors = new List<string>();
        StartupAction? action = null;
        bool isProgram;
        try
        {
            var folder = new ApplicationFolder(Path.GetDirectoryName(assemblyPath)!, application);
            StartupMatch? match = StartupLoader.FindMatch(startup?.Trim(), errors, null, folder);
            isProgram = match is { } found && ProgramStartup.IsEntryPoint(found.Type, found.MethodName);
            if (match != null && !isProgram)
            {
                action = ConfigurationMethod.Bind(match.Value, errors);
            }
        }
        catch (Exception exception)
        {
            throw StartupFailure.Thrown("The startup class could not be used", assemblyPath, exception);
        }

        if (isProgram || (action == null && startup == null && ProgramStartup.IsSelfHosting(application)))
        {
            return RunProgram(application, assemblyPath, properties, errors);
        }

        if (action == null)
        {
            throw StartupFailure.NotFound(assemblyPath, startup, fromFile, errors);
        }

        return Build(action, assemblyPath, properties);
    }

    private static StartedApplication RunProgram(
        Assembly application, string assemblyPath, IDictionary<string, object> properties, List<string> errors)
    {
        try
        {
            ProgramStartup program = ProgramStartup.Run(
                application, properties, out AppFunc app, out IDictionary<string, object> own);
            return new StartedApplication(app, $"the program {application.GetName().Name}", own, program);
        }
        catch (Exception exception)
        {
            string step = "The application was to start its server in Main (WebApp.Start), and did not";
            throw StartupFailure.Thrown(
                errors.Count == 0 ? step : $"{StartupTexts.Wrapper}\n - {string.Join("\n - ", errors)}\n{step}",
                assemblyPath, exception);
        }
    }

    private static StartedApplication Build(StartupAction action, string assemblyPath, IDictionary<string, object> properties)
    {
        string step = $"The configuration of {action.Startup.FullName} failed";
        try
        {
            var builder = new AppBuilder(properties);
            action.Run(action.BuilderType == null ? builder : AppBuilderFactory.Create(action.BuilderType, builder));
            step = $"The pipeline of {action.Startup.FullName} could not be built";
            if (builder.Build(typeof(AppFunc)) is AppFunc app)
            {
                return new StartedApplication(app, builder.OutermostName ?? action.Startup.FullName!, properties, null);
            }
        }
        catch (Exception exception)
        {
            throw StartupFailure.Thrown(step, assemblyPath, exception);
        }

        throw new StartupException(
            $"{step}: a middleware, or the configuration method itself, returned null instead of an application.\n"
            + $"Application: {assemblyPath}");
    }

    /// <summary>The application's assembly, in the default load context.</summary>
    /// <exception cref="StartupException">It is not there, or is none.</exception>
    internal static Assembly LoadApplication(string assemblyPath)
    {
        if (!File.Exists(assemblyPath))
        {
            throw new StartupException(
                $"The application was not found: there is no file '{assemblyPath}'.\n"
                + "Give the path of the application's assembly, as in `owind serve bin/App.dll`.");
        }

        try
        {
            try
            {
                return AssemblyLoadContext.Default.LoadFromAssemblyPath(assemblyPath);
            }
            catch (FileLoadException)
            {
                // Already there by its name: the runtime was started with the application's dependencies.
                return AssemblyLoadContext.Default.LoadFromAssemblyName(AssemblyName.GetAssemblyName(assemblyPath));
            }
        }
        catch (BadImageFormatException)
        {
            throw new StartupException(
                $"The application could not be loaded: '{assemblyPath}' is not a .NET assembly, or is broken.\n"
                + "Give the assembly that the build produced (App.dll, not the native App beside it), and copy it again if it was cut short.");
        }
        catch (Exception exception)
        {
            throw StartupFailure.Thrown("The application could not be loaded", assemblyPath, exception);
        }
    }

    private static string? ReadSettings(string assemblyPath, out string? file)
    {
        ApplicationSettings settings = ApplicationSettings.Read(assemblyPath);
        file = settings.File;
        if (settings.AppStartup == null && !settings.AutomaticAppStartup)
        {
            throw new StartupException(
                $"OWIN startup discovery is disabled: '{file}' has the appSetting owin:AutomaticAppStartup with a value of \"false\".\n"
                + "Remove it, add the appSetting owin:AppStartup, or name the startup with --startup Namespace.Type[.Method][, Assembly].");
        }

        return settings.AppStartup;
    }
}
