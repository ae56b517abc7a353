// Writes the texts of StartupException. Frames of the application are shown, those of the bridge and of reflection
// around them are not: a reader looks for the line in his own code.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Text;

namespace Owind.Hosting;

using Owind.Startup;

internal static class StartupFailure
{
    /// <summary>No startup was found.</summary>
    /// <param name="assemblyPath">The application.</param>
    /// <param name="startup">What was asked for; null or blank for discovery.</param>
    /// <param name="settingsFile">The configuration file that asked for it; null for the option.</param>
    /// <param name="errors">What the loader found wrong.</param>
    public static StartupException NotFound(
        string assemblyPath, string? startup, string? settingsFile, List<string> errors)
    {
        string folder = Path.GetDirectoryName(assemblyPath)!;
        string name = Path.GetFileName(assemblyPath);
        var text = new StringBuilder(StartupTexts.Wrapper);
        foreach (string error in errors)
        {
            text.Append("\n - ").Append(error);
        }

        text.Append("\nSought: ");
        if (string.IsNullOrWhiteSpace(startup))
        {
            text.Append("an OwinStartupAttribute, or a class Startup or ")
                .Append(Path.GetFileNameWithoutExtension(assemblyPath))
                .Append(".Startup with a public method Configuration(IAppBuilder)");
        }
        else
        {
            text.Append('\'').Append(startup).Append("' as ")
                .Append(settingsFile == null ? "--startup" : $"owin:AppStartup in '{settingsFile}'").Append(" says");
        }

        text.Append("\nLooked in: ").Append(assemblyPath).Append(" and the assemblies in ").Append(folder);
        text.Append("\nTo specify the OWIN startup Assembly, Class, or Method, use --startup Namespace.Type[.Method][, Assembly]")
            .Append(" or add the appSetting owin:AppStartup to ").Append(name).Append(".config.");
        return new StartupException(text.ToString());
    }

    /// <summary>The application threw.</summary>
    public static StartupException Thrown(string step, string assemblyPath, Exception exception)
    {
        Exception cause = Unwrap(exception);
        var text = new StringBuilder(step);
        text.Append(": ");
        Append(text, cause);
        for (Exception? inner = cause.InnerException; inner != null; inner = inner.InnerException)
        {
            if (inner is not TargetInvocationException)
            {
                text.Append("\n ---> ");
                Append(text, inner);
            }
        }

        text.Append("\nApplication: ").Append(assemblyPath);
        return new StartupException(text.ToString(), cause);
    }

    private static Exception Unwrap(Exception exception)
    {
        while (exception is TargetInvocationException { InnerException: { } inner })
        {
            exception = inner;
        }

        return exception;
    }

    private static void Append(StringBuilder text, Exception exception)
    {
        text.Append(exception.GetType().FullName).Append(": ").Append(exception.Message);
        if (exception is ReflectionTypeLoadException types)
        {
            foreach (Exception? missing in types.LoaderExceptions)
            {
                if (missing != null)
                {
                    text.Append("\n   ").Append(missing.Message);
                }
            }
        }

        StackFrame[] frames = new StackTrace(exception, fNeedFileInfo: true).GetFrames();
        int end = frames.Length;
        while (end > 0 && (IsOurs(frames[end - 1]) || IsReflection(frames[end - 1])))
        {
            end--;
        }

        for (int i = 0; i < end; i++)
        {
            if (!IsOurs(frames[i]))
            {
                text.Append('\n').Append(new StackTrace(frames[i]).ToString().TrimEnd('\r', '\n'));
            }
        }
    }

    private static bool IsOurs(StackFrame frame)
    {
        Assembly? assembly = frame.GetMethod()?.Module.Assembly;
        return assembly == typeof(StartupFailure).Assembly || assembly?.GetName().Name == "Owind.ApplicationBuilder";
    }

    // What stands between us and the application: MethodInfo.Invoke, DynamicInvoke, Activator and their stubs.
    private static bool IsReflection(StackFrame frame)
    {
        MethodBase? method = frame.GetMethod();
        Type? type = method?.DeclaringType;
        return method == null || type == null
            || type.Namespace == "System.Reflection"
            || type == typeof(Delegate) || type == typeof(MulticastDelegate) || type == typeof(Activator)
            || (type.Assembly == typeof(object).Assembly && type.Name is "RuntimeMethodHandle" or "RuntimeType" or "ActivatorCache");
    }
}
