// Gives an application an object of its own Owin.IAppBuilder, wherever that interface lives: another load context,
// a .NET Framework assembly, a fork, an internal type of the application. The behaviour is AppBuilder's.

using System;
using System.Collections.Generic;
using Owind.Builder;

namespace Owind;

/// <summary>Implements the application's Owin.IAppBuilder at run time.</summary>
public static class AppBuilderFactory
{
    /// <summary>A new builder with Properties of its own.</summary>
    /// <param name="iAppBuilder">The interface: Properties, Build, New and Use are implemented by name and
    /// shape, any other member throws NotSupportedException when it is called.</param>
    /// <exception cref="ArgumentException">The type is no interface, or is generic.</exception>
    public static object Create(Type iAppBuilder) => Create(iAppBuilder, new AppBuilder());

    /// <summary>A builder of the application's type in front of <paramref name="builder"/>, with the conversions
    /// of the application's Microsoft.Owin, if it has one.</summary>
    internal static object Create(Type iAppBuilder, AppBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(iAppBuilder);
        object facade = Wrap(iAppBuilder, builder);
        KatanaConversions.Register(iAppBuilder, facade, builder);
        return facade;
    }

    private static object Wrap(Type iAppBuilder, AppBuilder builder) =>
        AppBuilderType.ConstructorFor(iAppBuilder).Invoke(new object[]
        {
            builder.Properties,
            new Func<Type, object?>(builder.Build),
            new Func<object>(() => Wrap(iAppBuilder, builder.New())),
            new Action<object, object?[]?>((middleware, args) => builder.Use(middleware, args)),
        });
}
