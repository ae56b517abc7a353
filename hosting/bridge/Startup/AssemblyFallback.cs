// Assemblies that the runtime does not find by its own rules, asked for last: a file of the application's folder whose
// version, public key or spelling is another than what was asked for (.NET Framework has binding redirects and a file
// system that ignores case), then the compatibility folder of the server, which has parts of .NET Framework that .NET
// offers as packages.

using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;
using Owind.Boundary;

namespace Owind.Startup;

internal sealed class AssemblyFallback
{
    // What real applications were found to need: Web API 2, SignalR 2, Katana's hosting.
    private static readonly HashSet<string> s_compatibility = new(StringComparer.OrdinalIgnoreCase)
    {
        "System.Configuration.ConfigurationManager", "System.Diagnostics.EventLog", "System.Diagnostics.PerformanceCounter",
        "System.Security.Cryptography.ProtectedData", "System.Security.Permissions", "System.Windows.Extensions",
    };

    private readonly string _application;
    private readonly string _compatibility;
    private readonly ConcurrentDictionary<string, bool> _reported = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="application">The application's folder.</param>
    /// <param name="compatibility">The folder of the server; it may be absent.</param>
    internal AssemblyFallback(string application, string compatibility)
    {
        _application = application;
        _compatibility = compatibility;
    }

    /// <summary>For AssemblyLoadContext.Resolving. Callable from any thread.</summary>
    internal Assembly? Resolve(AssemblyLoadContext context, AssemblyName name)
    {
        // Resources in a language that is not there are no loss.
        if (name.Name is not { Length: > 0 } simple || simple.AsSpan().ContainsAny('/', '\0') || !string.IsNullOrEmpty(name.CultureName))
        {
            return null;
        }

        foreach (string folder in new[] { _application, _compatibility })
        {
            if (FileIn(folder, simple) is { } file && Load(context, name, file) is { } assembly)
            {
                return assembly;
            }
        }

        if (s_compatibility.Contains(simple) && _reported.TryAdd(simple, true))
        {
            Log.Write(LogLevel.Warning,
                $"the application asks for {simple}, a part of .NET Framework that .NET offers as a package, and it is not in "
                + $"{_compatibility}: put {simple}.dll there, or beside the application");
        }

        return null;
    }

    private static string? FileIn(string folder, string simple)
    {
        foreach (string extension in new[] { ".dll", ".exe" })
        {
            string exact = Path.Combine(folder, simple + extension);
            if (RegularFile.Exists(exact))
            {
                return exact;
            }
        }

        try
        {
            foreach (string path in Directory.EnumerateFiles(folder))
            {
                if (Path.GetFileName(path).Equals(simple + ".dll", StringComparison.OrdinalIgnoreCase) && RegularFile.Exists(path))
                {
                    return path;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Without the folder there is nothing in it.
        }

        return null;
    }

    private Assembly? Load(AssemblyLoadContext context, AssemblyName asked, string file)
    {
        try
        {
            Assembly assembly = context.LoadFromAssemblyPath(file);
            if (_reported.TryAdd(asked.FullName, true))
            {
                Log.Write(LogLevel.Debug, $"asked for {asked.FullName}: took {assembly.FullName} of {file}");
            }

            return assembly;
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException)
        {
            Log.Exception(LogLevel.Debug, $"asked for {asked.FullName}: {file} could not be loaded", exception);
            return null;
        }
    }
}
