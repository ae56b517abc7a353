// Finds the class and method that configure an application: by the OwinStartupAttribute, by convention, or by a
// string `Namespace.Type[.Method][, Assembly]`. Follows the rules and texts of Katana's loader; beyond them it
// survives any broken assembly, matches all OWIN types by full name, and takes the pure-OWIN forms of
// Configuration (see ConfigurationMethod). It builds no pipeline (see ApplicationStartup).

using System;
using System.Collections.Generic;
using System.Reflection;
using Owind.Startup;

namespace Owind;

/// <summary>Startup discovery.</summary>
public static class StartupLoader
{
    internal const string DefaultMethod = "Configuration";

    private const string ConventionalName = "Startup";

    /// <summary>Finds a startup and makes it callable.</summary>
    /// <param name="startup">Null or "": discover. Without a comma: an attribute's FriendlyName, or a type or
    /// method in any candidate. With a comma: a type or method and its assembly.</param>
    /// <param name="errors">Gets a line for everything that did not fit, also when a startup is found.</param>
    /// <param name="candidates">Where to look; null: the assemblies in the application's folder, of which only
    /// those are loaded that can contain what is sought.</param>
    /// <returns>An <c>Action</c> over the application's Owin.IAppBuilder (over object, if it has none), or null.
    /// What the startup throws leaves the action as TargetInvocationException.</returns>
    public static Delegate? Load(string? startup, IList<string> errors, IEnumerable<Assembly>? candidates = null)
    {
        ArgumentNullException.ThrowIfNull(errors);
        var folder = new ApplicationFolder(AppContext.BaseDirectory, null);
        return Find(startup, errors, candidates, folder)?.ToDelegate();
    }

    /// <summary>As <see cref="Load"/>, with the folder to look through and the result not yet a delegate.</summary>
    internal static StartupAction? Find(
        string? startup, IList<string> errors, IEnumerable<Assembly>? candidates, ApplicationFolder folder) =>
        FindMatch(startup, errors, candidates, folder) is { } match ? ConfigurationMethod.Bind(match, errors) : null;

    /// <summary>The class and the name of its method; whether there is such a method is not looked at yet.</summary>
    internal static StartupMatch? FindMatch(
        string? startup, IList<string> errors, IEnumerable<Assembly>? candidates, ApplicationFolder folder)
    {
        startup ??= "";
        bool namesAssembly = startup.Contains(',');
        StartupMatch? match = null;
        if (namesAssembly)
        {
            match = InNamedAssembly(startup, errors, folder);
        }
        else
        {
            List<string> names = TypeNames(startup);
            var assemblies = new List<Assembly>(candidates ?? folder.Scan(names, errors));
            bool conflict = false;
            match = ByAttribute(startup, assemblies, errors, ref conflict);
            if (match == null && !conflict && startup.Length == 0)
            {
                match = ByConvention(assemblies, errors);
            }

            if (match == null && !string.IsNullOrWhiteSpace(startup))
            {
                match = ByName(startup, names, assemblies, errors);
            }
        }

        return match;
    }

    /// <summary>
    /// What a string can mean as a type name: all of it, or all but the last part (which then is the method).
    /// Dots at its ends do not count. Empty for a blank string.
    /// </summary>
    internal static List<string> TypeNames(string text)
    {
        var names = new List<string>(2);
        string whole = text.Trim().Trim('.');
        if (whole.Length > 0)
        {
            names.Add(whole);
            int dot = whole.LastIndexOf('.');
            if (dot > 0)
            {
                names.Add(whole.Substring(0, dot));
            }
        }

        return names;
    }

    private static StartupMatch? ByAttribute(
        string friendlyName, List<Assembly> assemblies, IList<string> errors, ref bool conflict)
    {
        bool any = false;
        StartupMatch? match = null;
        Assembly? matched = null;
        foreach (Assembly assembly in assemblies)
        {
            foreach (object attribute in StartupAttribute.AllOf(assembly, errors, ref any))
            {
                StartupAttribute? read = StartupAttribute.Read(attribute, assembly, errors);
                if (read == null)
                {
                    continue;
                }

                if (!string.Equals(read.FriendlyName, friendlyName, StringComparison.OrdinalIgnoreCase))
                {
                    errors.Add(StartupTexts.Format(
                        StartupTexts.FriendlyNameMismatch, read.FriendlyName, friendlyName, assembly.FullName));
                }
                else if (match != null)
                {
                    conflict = true;
                    errors.Add(StartupTexts.Format(
                        StartupTexts.AttributeConflict, matched!.GetName().Name, match.Value.Type,
                        assembly.GetName().Name, read.StartupType, friendlyName));
                }
                else
                {
                    match = new StartupMatch(read.StartupType, read.MethodName);
                    matched = assembly;
                }
            }
        }

        if (!any)
        {
            errors.Add(StartupTexts.NoAttribute);
        }

        return conflict ? null : match;
    }

    private static StartupMatch? ByConvention(List<Assembly> assemblies, IList<string> errors)
    {
        Type? found = null;
        bool conflict = false;
        foreach (Assembly assembly in assemblies)
        {
            Check(TypeLookup.Find(assembly, ConventionalName, errors));
            Check(TypeLookup.Find(assembly, assembly.GetName().Name + "." + ConventionalName, errors));
        }

        if (found == null)
        {
            errors.Add(StartupTexts.NoConvention);
            foreach (Assembly assembly in assemblies)
            {
                TypeLookup.Explain(assembly, ConventionalName, errors);
                TypeLookup.Explain(assembly, assembly.GetName().Name + "." + ConventionalName, errors);
            }

            return null;
        }

        if (conflict)
        {
            return null;
        }

        // Many assemblies have some class Startup; without the method it is not meant for us.
        if (!Array.Exists(found.GetMethods(), static method => method.Name == DefaultMethod))
        {
            errors.Add(StartupTexts.Format(StartupTexts.NoMethod, DefaultMethod, found.AssemblyQualifiedName));
            return null;
        }

        return new StartupMatch(found, DefaultMethod);

        void Check(Type? type)
        {
            if (type == null)
            {
                return;
            }

            if (found == null)
            {
                found = type;
                return;
            }

            conflict = true;
            errors.Add(StartupTexts.Format(
                StartupTexts.ConventionConflict, found.AssemblyQualifiedName, type.AssemblyQualifiedName));
        }
    }

    private static StartupMatch? ByName(
        string startup, List<string> names, List<Assembly> assemblies, IList<string> errors)
    {
        foreach (Assembly assembly in assemblies)
        {
            foreach (string name in names)
            {
                if (TypeLookup.Find(assembly, name, errors) != null)
                {
                    return InAssembly(startup, names, assembly, errors);
                }
            }
        }

        errors.Add(StartupTexts.Format(StartupTexts.Unresolved, startup));
        foreach (Assembly assembly in assemblies)
        {
            foreach (string name in names)
            {
                TypeLookup.Explain(assembly, name, errors);
            }
        }

        return null;
    }

    private static StartupMatch? InNamedAssembly(string startup, IList<string> errors, ApplicationFolder folder)
    {
        int comma = startup.IndexOf(',');
        List<string> names = TypeNames(startup.Substring(0, comma));
        string assemblyName = startup.Substring(comma + 1).Trim();
        if (names.Count == 0)
        {
            errors.Add(StartupTexts.Format(StartupTexts.Unresolved, startup));
            return null;
        }

        Assembly? assembly = folder.Load(assemblyName, errors);
        if (assembly == null)
        {
            errors.Add(StartupTexts.Format(StartupTexts.AssemblyMissing, startup, assemblyName));
            return null;
        }

        return InAssembly(startup, names, assembly, errors);
    }

    private static StartupMatch? InAssembly(
        string startup, List<string> names, Assembly assembly, IList<string> errors)
    {
        foreach (string name in names)
        {
            Type? type = TypeLookup.Find(assembly, name, errors);
            if (type != null)
            {
                return new StartupMatch(type, name.Length == names[0].Length ? "" : names[0].Substring(name.Length + 1));
            }

            errors.Add(StartupTexts.Format(StartupTexts.ClassMissing, startup, name, assembly.FullName));
        }

        foreach (string name in names)
        {
            TypeLookup.Explain(assembly, name, errors);
        }

        return null;
    }
}
