// The conversions between AppFunc and Microsoft.Owin.OwinMiddleware. Microsoft.Owin brings them itself
// (Infrastructure.SignatureConversions.AddConversions) and they are part of every builder there, so a builder
// for an application that has Microsoft.Owin gets them from it. An application without it costs a look at
// the loaded assemblies and two file names, no failed load.

using System;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;

namespace Owind.Builder;

internal static class KatanaConversions
{
    private const string SimpleName = "Microsoft.Owin";

    /// <summary>
    /// Registers the application's conversions through <paramref name="facade"/>, an instance of
    /// <paramref name="iAppBuilder"/>. A Microsoft.Owin that cannot be used is remembered as the reason of
    /// later conversion failures: an application that never needs a conversion runs without it.
    /// </summary>
    public static void Register(Type iAppBuilder, object facade, AppBuilder builder)
    {
        try
        {
            MethodInfo? method = Find(iAppBuilder)
                ?.GetType("Microsoft.Owin.Infrastructure.SignatureConversions", throwOnError: false)
                ?.GetMethod("AddConversions", BindingFlags.Public | BindingFlags.Static, new[] { iAppBuilder });
            method?.Invoke(null, new[] { facade });
        }
        catch (Exception exception)
        {
            builder.Conversions.RegistrationFailure = exception is TargetInvocationException { InnerException: { } inner }
                ? inner
                : exception;
        }
    }

    private static Assembly? Find(Type iAppBuilder)
    {
        AssemblyLoadContext context =
            AssemblyLoadContext.GetLoadContext(iAppBuilder.Assembly) ?? AssemblyLoadContext.Default;
        foreach (Assembly loaded in context.Assemblies)
        {
            if (loaded.FullName?.StartsWith(SimpleName + ",", StringComparison.OrdinalIgnoreCase) == true)
            {
                return loaded;
            }
        }

        string file = SimpleName + ".dll";
        string? known = AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string;
        if (known != null && known.Contains(Path.DirectorySeparatorChar + file, StringComparison.OrdinalIgnoreCase))
        {
            return context.LoadFromAssemblyName(new AssemblyName(SimpleName));
        }

        string location = iAppBuilder.Assembly.IsDynamic ? "" : iAppBuilder.Assembly.Location;
        string beside = location.Length == 0 ? file : Path.Combine(Path.GetDirectoryName(location)!, file);
        return Path.IsPathRooted(beside) && File.Exists(beside) ? context.LoadFromAssemblyPath(beside) : null;
    }
}
