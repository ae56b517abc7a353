// Properties and Use of a builder of any kind: our own AppBuilder, or an object that implements some
// Owin.IAppBuilder. Reflective; for start-up alone.

using System;
using System.Collections.Generic;
using System.Reflection;

namespace Owind.Startup;

internal static class BuilderAccess
{
    /// <summary>The builder's start-up Properties.</summary>
    public static IDictionary<string, object> Properties(object builder) => builder is AppBuilder own
        ? own.Properties
        : (IDictionary<string, object>)Interface(builder).GetProperty("Properties")!.GetValue(builder)!;

    /// <summary>Appends a middleware without further arguments.</summary>
    public static void Use(object builder, object middleware)
    {
        if (builder is AppBuilder own)
        {
            own.Use(middleware);
        }
        else
        {
            Interface(builder).GetMethod("Use", new[] { typeof(object), typeof(object[]) })!
                .Invoke(builder, new[] { middleware, Array.Empty<object>() });
        }
    }

    private static Type Interface(object builder) =>
        Array.Find(builder.GetType().GetInterfaces(), static type => type.FullName == ConfigurationMethod.BuilderTypeName)
        ?? throw new ArgumentException(
            $"The type '{builder.GetType()}' does not implement {ConfigurationMethod.BuilderTypeName}.", nameof(builder));
}
