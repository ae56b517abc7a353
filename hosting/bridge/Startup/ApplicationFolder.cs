// The assemblies beside an application: which of them can contain its startup, and loading one by name. Files are
// judged by their metadata (see AssemblyFile), so that of a folder with a hundred libraries only the one with the
// Startup is loaded. Everything goes into the default load context, as under `dotnet App.dll`.
// A file that is broken, foreign or cannot be loaded is a line of the error list and nothing more.

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;

namespace Owind.Startup;

internal sealed class ApplicationFolder
{
    private readonly string _path;
    private readonly Assembly? _application;
    private readonly AssemblyLoadContext _context;

    /// <param name="path">The folder.</param>
    /// <param name="application">The application's own assembly if it is loaded: the first candidate.</param>
    public ApplicationFolder(string path, Assembly? application)
    {
        _path = path;
        _application = application;
        _context = AssemblyLoadContext.CurrentContextualReflectionContext ?? AssemblyLoadContext.Default;
    }

    /// <summary>
    /// Loads the assemblies that carry an OwinStartupAttribute or define one of the types.
    /// </summary>
    /// <param name="typeNames">Full names; none: the conventional Startup classes.</param>
    /// <param name="errors">Gets a line for each file that was skipped.</param>
    public List<Assembly> Scan(List<string> typeNames, IList<string> errors) =>
        LoadWhere(file => AssemblyFile.CanContain(file, typeNames), errors);

    /// <summary>Loads every assembly of the folder that the framework has not.</summary>
    /// <param name="errors">Gets a line for each file that was skipped.</param>
    public List<Assembly> LoadAll(IList<string> errors) => LoadWhere(AssemblyFile.IsAssembly, errors);

    /// <summary>
    /// Loads an assembly by simple or full name: as the application itself would, else from the folder. Null
    /// when it is not found; a reason that is not plain absence is a line of <paramref name="errors"/>.
    /// </summary>
    public Assembly? Load(string assemblyName, IList<string> errors)
    {
        AssemblyName name;
        try
        {
            name = new AssemblyName(assemblyName);
        }
        catch (Exception exception) when (exception is ArgumentException or IOException)
        {
            return null; // no name at all
        }

        if (_application != null && string.Equals(_application.GetName().Name, name.Name, StringComparison.OrdinalIgnoreCase))
        {
            return _application;
        }

        try
        {
            return _context.LoadFromAssemblyName(name);
        }
        catch (FileNotFoundException)
        {
            // Not among the application's dependencies: a plug-in, perhaps.
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException)
        {
            errors.Add(StartupTexts.Format(StartupTexts.AssemblySkipped, assemblyName, StartupTexts.Describe(exception)));
        }

        try
        {
            string file = Path.Combine(_path, name.Name + ".dll");
            file = RegularFile.Exists(file) ? file : Path.ChangeExtension(file, ".exe");
            return RegularFile.Exists(file) ? Load(file) : null;
        }
        catch (Exception exception) when (exception is IOException or BadImageFormatException or ArgumentException)
        {
            errors.Add(StartupTexts.Format(StartupTexts.AssemblySkipped, assemblyName, StartupTexts.Describe(exception)));
            return null;
        }
    }

    private List<Assembly> LoadWhere(Predicate<string> wanted, IList<string> errors)
    {
        var found = new List<Assembly>();
        string? own = null;
        if (_application != null)
        {
            found.Add(_application);
            own = _application.Location;
        }

        foreach (string file in Files(errors))
        {
            if (string.Equals(file, own, StringComparison.Ordinal))
            {
                continue;
            }

            try
            {
                if (!RegularFile.Exists(file))
                {
                    errors.Add(StartupTexts.Format(StartupTexts.AssemblySkipped, file, StartupTexts.NoRegularFile));
                    continue;
                }

                Assembly? assembly = wanted(file) ? Load(file) : null;
                if (assembly != null && !found.Contains(assembly))
                {
                    found.Add(assembly);
                }
            }
            catch (Exception exception)
            {
                errors.Add(StartupTexts.Format(StartupTexts.AssemblySkipped, file, StartupTexts.Describe(exception)));
            }
        }

        return found;
    }

    private Assembly Load(string file)
    {
        try
        {
            return _context.LoadFromAssemblyPath(file);
        }
        catch (FileLoadException)
        {
            // The application's dependencies name another file for this assembly: that one is meant.
            return _context.LoadFromAssemblyName(AssemblyName.GetAssemblyName(file));
        }
    }

    // *.dll before *.exe, each in the order of their names: the order that the file system gives is no order.
    private List<string> Files(IList<string> errors)
    {
        var files = new List<string>();
        var programs = new List<string>();
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location) ?? "";
        bool selfContained = File.Exists(Path.Combine(_path, Path.GetFileName(typeof(object).Assembly.Location)));
        try
        {
            foreach (string file in Directory.EnumerateFiles(_path))
            {
                if (file.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
                {
                    // What the framework brings as well is not the application's.
                    if (selfContained || framework.Length == 0 || !File.Exists(Path.Combine(framework, Path.GetFileName(file))))
                    {
                        files.Add(file);
                    }
                }
                else if (file.EndsWith(".exe", StringComparison.OrdinalIgnoreCase))
                {
                    programs.Add(file);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            errors.Add(StartupTexts.Describe(exception));
        }

        files.Sort(StringComparer.Ordinal);
        programs.Sort(StringComparer.Ordinal);
        files.AddRange(programs);
        return files;
    }
}
