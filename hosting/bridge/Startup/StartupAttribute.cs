// An OwinStartupAttribute by whatever assembly defines it: only the name of its type and the names and types of
// its properties count. The attributes of an assembly are looked for in its metadata and only those of that name are
// made, because reflection fails on all of them when one cannot be resolved.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Reflection.Metadata;

namespace Owind.Startup;

internal sealed class StartupAttribute
{
    public const string TypeName = "OwinStartupAttribute";

    private StartupAttribute(Type startupType, string friendlyName, string methodName)
    {
        StartupType = startupType;
        FriendlyName = friendlyName;
        MethodName = methodName;
    }

    public Type StartupType { get; }

    /// <summary>"" for an attribute without a name.</summary>
    public string FriendlyName { get; }

    /// <summary>"" for the default method.</summary>
    public string MethodName { get; }

    /// <summary>
    /// The instances of the attributes on an assembly. An attribute that cannot be made is a line of
    /// <paramref name="errors"/>. <paramref name="any"/> becomes true when there is one, made or not.
    /// </summary>
    public static unsafe List<object> AllOf(Assembly assembly, IList<string> errors, ref bool any)
    {
        var found = new List<object>();
        try
        {
            if (assembly.TryGetRawMetadata(out byte* metadata, out int length))
            {
                // A look at the names spares nearly every application the metadata reader, which costs milliseconds.
                if (MetadataNames.Contain(new ReadOnlySpan<byte>(metadata, length), TypeName))
                {
                    AttributeFactory.Make(assembly, metadata, length, TypeName, found, errors, ref any);
                }
            }
            else
            {
                foreach (object attribute in assembly.GetCustomAttributes(inherit: false))
                {
                    if (attribute.GetType().Name == TypeName)
                    {
                        any = true;
                        found.Add(attribute);
                    }
                }
            }
        }
        catch (Exception exception)
        {
            errors.Add(StartupTexts.Format(
                StartupTexts.AssemblySkipped, assembly.FullName, StartupTexts.Describe(exception)));
        }

        return found;
    }

    /// <summary>The values of an instance, or null and a line of <paramref name="errors"/>.</summary>
    public static StartupAttribute? Read(object attribute, Assembly assembly, IList<string> errors)
    {
        try
        {
            Type type = attribute.GetType();
            PropertyInfo? startupType = type.GetProperty("StartupType", typeof(Type));
            if (startupType == null)
            {
                errors.Add(StartupTexts.Format(
                    StartupTexts.NoStartupTypeProperty, type.AssemblyQualifiedName, assembly.FullName));
                return null;
            }

            if (startupType.GetValue(attribute) is not Type value)
            {
                errors.Add(StartupTexts.Format(StartupTexts.StartupTypeEmpty, assembly.FullName));
                return null;
            }

            return new StartupAttribute(value, Text("FriendlyName"), Text("MethodName"));

            string Text(string property) =>
                type.GetProperty(property, typeof(string))?.GetValue(attribute) as string ?? "";
        }
        catch (Exception exception)
        {
            errors.Add(StartupTexts.Format(
                StartupTexts.AttributeUnreadable, assembly.FullName, StartupTexts.Describe(exception)));
            return null;
        }
    }
}
