// Types of an assembly by full name, in spite of whatever is wrong with the assembly.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Reflection.Metadata;

namespace Owind.Startup;

internal static class TypeLookup
{
    /// <summary>The type, or null. A failure that is not plain absence is a line of <paramref name="errors"/>.</summary>
    public static Type? Find(Assembly assembly, string name, IList<string> errors)
    {
        try
        {
            return assembly.GetType(name, throwOnError: false);
        }
        catch (Exception exception)
        {
            errors.Add(StartupTexts.Format(
                StartupTexts.AssemblySkipped, assembly.FullName, StartupTexts.Describe(exception)));
            return null;
        }
    }

    /// <summary>
    /// Adds the reason why a type was not found though the assembly defines it: its base class, say, is in an
    /// assembly that is not here, of which <see cref="Find"/> hears nothing. For failures: it is slow.
    /// </summary>
    public static unsafe void Explain(Assembly assembly, string name, IList<string> errors)
    {
        try
        {
            if (assembly.TryGetRawMetadata(out byte* metadata, out int length)
                && MetadataNames.Contain(new ReadOnlySpan<byte>(metadata, length), MetadataNames.SimpleName(name))
                && MetadataNames.DefinesType(new MetadataReader(metadata, length), name))
            {
                assembly.GetType(name, throwOnError: true);
            }
        }
        catch (Exception exception)
        {
            errors.Add(StartupTexts.Format(
                StartupTexts.TypeUnusable, name, assembly.FullName, StartupTexts.Describe(exception)));
        }
    }
}
