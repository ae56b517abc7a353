// A startup that was found: runs against a builder, of the application's type if that is known.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;

namespace Owind.Startup;

internal sealed class StartupAction
{
    private const string AppNameKey = "host.AppName";

    private readonly Type _startup;
    private readonly Type? _builderType;
    private readonly object? _instance;
    private readonly Action<object, object?> _run;

    /// <param name="startup">The startup class.</param>
    /// <param name="builderType">The IAppBuilder that its method takes, or null if it takes none.</param>
    /// <param name="instance">Its instance, or null for a static method.</param>
    /// <param name="run">Calls the method with (builder, instance).</param>
    public StartupAction(Type startup, Type? builderType, object? instance, Action<object, object?> run)
    {
        _startup = startup;
        _builderType = builderType;
        _instance = instance;
        _run = run;
    }

    /// <summary>The startup class.</summary>
    public Type Startup => _startup;

    /// <summary>The Owin.IAppBuilder that the startup's method takes; null when it takes none.</summary>
    public Type? BuilderType => _builderType;

    /// <summary>
    /// Runs the startup. Sets <c>host.AppName</c> to the class's full name if it is blank. What the startup
    /// throws arrives as TargetInvocationException.
    /// </summary>
    public void Run(object builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        IDictionary<string, object> properties = BuilderAccess.Properties(builder);
        if (!properties.TryGetValue(AppNameKey, out object? name)
            || string.IsNullOrWhiteSpace(Convert.ToString(name, CultureInfo.InvariantCulture)))
        {
            properties[AppNameKey] = _startup.FullName!;
        }

        _run(builder, _instance);
    }

    /// <summary><see cref="Run"/> as an Action over the application's IAppBuilder, or over object if it has none.</summary>
    public Delegate ToDelegate()
    {
        Type? builder = _builderType ?? BuilderOfApplication();
        return typeof(StartupAction).GetMethod(nameof(Run))!.CreateDelegate(
            typeof(Action<>).MakeGenericType(builder ?? typeof(object)), this);
    }

    // A startup that only returns an application names no builder: that of its own assembly, of one that it refers
    // to, or any that is loaded beside it is meant.
    private Type? BuilderOfApplication()
    {
        Type? own = In(_startup.Assembly);
        if (own != null)
        {
            return own;
        }

        AssemblyLoadContext context =
            AssemblyLoadContext.GetLoadContext(_startup.Assembly) ?? AssemblyLoadContext.Default;
        foreach (AssemblyName reference in _startup.Assembly.GetReferencedAssemblies())
        {
            if (reference.Name == "Owin")
            {
                try
                {
                    return In(context.LoadFromAssemblyName(reference));
                }
                catch (Exception exception) when (exception is System.IO.IOException or BadImageFormatException)
                {
                    break; // referred to and absent: this startup does without it
                }
            }
        }

        foreach (Assembly loaded in context.Assemblies)
        {
            Type? type = In(loaded);
            if (type != null)
            {
                return type;
            }
        }

        return null;

        static Type? In(Assembly assembly)
        {
            try
            {
                Type? type = assembly.GetType(ConfigurationMethod.BuilderTypeName, throwOnError: false);
                return type?.IsInterface == true ? type : null;
            }
            catch (Exception exception) when (exception is System.IO.IOException or TypeLoadException or BadImageFormatException)
            {
                return null;
            }
        }
    }
}
