// What an application finds around it besides its own assembly, as under `dotnet App.dll` or, for an assembly of .NET
// Framework 4.x, as there: the entry assembly, its configuration file, and assemblies that the runtime itself would not
// find. Says what is known to go wrong before it does. Once a process, before the application is started.

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using Owind.Boundary;
using Owind.Hosting;

namespace Owind.Startup;

internal static class ApplicationSurroundings
{
    private const string CompatibilityFolder = "compatibility";

    /// <exception cref="StartupException">The application cannot be loaded, or cannot work here.</exception>
    internal static void Prepare(string assemblyPath)
    {
        assemblyPath = Path.GetFullPath(assemblyPath);
        Assembly application = ApplicationStartup.LoadApplication(assemblyPath);
        string folder = Path.GetDirectoryName(assemblyPath)!;
        Assembly.SetEntryAssembly(application);
        RefuseNancy1(folder);
        WarnOfCollisions(folder);
        string own = Path.GetDirectoryName(typeof(ApplicationSurroundings).Assembly.Location) ?? string.Empty;
        var fallback = new AssemblyFallback(folder, Path.Combine(own, CompatibilityFolder));
        AssemblyLoadContext.Default.Resolving += fallback.Resolve;
        if (ApplicationSettings.FileOf(assemblyPath) is { } file)
        {
            ApplicationConfiguration.Offer(file);
        }
    }

    /// <summary>Nancy 1 looks for its modules with means that .NET does not have any more. It exists for .NET Framework
    /// alone; a Nancy 2 that somebody built for .NET may have any version.</summary>
    /// <exception cref="StartupException">There is one.</exception>
    internal static void RefuseNancy1(string folder)
    {
        string file = Path.Combine(folder, "Nancy.dll");
        Version? version = null;
        try
        {
            version = RegularFile.Exists(file) && IsForFramework(file) ? AssemblyName.GetAssemblyName(file).Version : null;
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException or UnauthorizedAccessException
            or InvalidOperationException)
        {
            // Whoever needs it will say so.
        }

        if (version is { Major: < 2 })
        {
            throw new StartupException(
                $"The application uses Nancy {version}, which cannot run on .NET: it finds modules by scanning AppDomains and "
                + "loading assemblies for reflection only.\n"
                + $"Found: {file}\n"
                + "Use Nancy 2, which needs no change to most modules.");
        }
    }

    private static bool IsForFramework(string file)
    {
        using var image = new PEReader(File.OpenRead(file));
        MetadataReader metadata = image.GetMetadataReader();
        foreach (AssemblyReferenceHandle reference in metadata.AssemblyReferences)
        {
            if (metadata.StringComparer.Equals(metadata.GetAssemblyReference(reference).Name, "mscorlib"))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Two files whose names differ in case alone are one assembly to .NET, and which one it takes is chance.</summary>
    internal static void WarnOfCollisions(string folder)
    {
        var seen = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        try
        {
            foreach (string path in Directory.EnumerateFiles(folder))
            {
                string file = Path.GetFileName(path);
                if (!file.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                if (!seen.TryAdd(file, file))
                {
                    Log.Write(LogLevel.Warning,
                        $"'{seen[file]}' and '{file}' in {folder} are the same assembly to .NET, which takes one of them by chance: remove the other");
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.Exception(LogLevel.Debug, "the application's folder cannot be listed", exception);
        }
    }
}
