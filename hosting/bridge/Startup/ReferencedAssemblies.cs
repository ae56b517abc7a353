// host.ReferencedAssemblies, as Katana's SystemWeb host has it: the assemblies of the application's folder, its own
// first. They are loaded when somebody enumerates them (SignalR does, to look for hubs), not before; a file that is no
// assembly or cannot be loaded is left out.

using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Threading;
using Owind.Boundary;

namespace Owind.Startup;

internal sealed class ReferencedAssemblies : IEnumerable<Assembly>
{
    private readonly Lazy<IReadOnlyList<Assembly>> _all;

    /// <param name="assemblyPath">The application.</param>
    internal ReferencedAssemblies(string assemblyPath) =>
        _all = new Lazy<IReadOnlyList<Assembly>>(() => Load(assemblyPath), LazyThreadSafetyMode.ExecutionAndPublication);

    public IEnumerator<Assembly> GetEnumerator() => _all.Value.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static List<Assembly> Load(string assemblyPath)
    {
        var errors = new List<string>();
        var folder = new ApplicationFolder(Path.GetDirectoryName(assemblyPath)!, null);
        Assembly? application = folder.Load(Path.GetFileNameWithoutExtension(assemblyPath), errors);
        List<Assembly> all = new ApplicationFolder(Path.GetDirectoryName(assemblyPath)!, application).LoadAll(errors);
        foreach (string error in errors)
        {
            Log.Write(LogLevel.Debug, "host.ReferencedAssemblies: " + error);
        }

        return all;
    }
}
