// How a middleware is called in a complaint: the name of its type, or of the method that a delegate was written in.

using System;
using System.Collections.Generic;
using System.Reflection;

namespace Owind.Builder;

internal static class MiddlewareName
{
    /// <summary>"My.Middleware", "a delegate of My.Startup.Configuration", or both where a type only carries a
    /// delegate.</summary>
    internal static string Of(object middleware, IReadOnlyList<object?> args)
    {
        string name = middleware switch
        {
            Delegate function => OfDelegate(function),
            Type type => type.FullName ?? type.Name,
            _ => middleware.GetType().FullName ?? middleware.GetType().Name,
        };
        foreach (object? argument in args)
        {
            if (argument is Delegate carried)
            {
                return $"{name} ({OfDelegate(carried)})";
            }
        }

        return name;
    }

    // The compiler names what is written inline after the method around it: Type+<>c.<Method>b__0_1.
    private static string OfDelegate(Delegate function)
    {
        MethodInfo method = function.Method;
        Type? type = method.DeclaringType;
        string name = method.Name;
        bool isInline = name.StartsWith('<');
        while (type != null && type.Name.StartsWith('<'))
        {
            // A local function or lambda of an async method or iterator: <Method>d__1.
            int end = type.Name.IndexOf('>');
            name = !isInline && end > 1 ? type.Name[..(end + 1)] : name;
            isInline = true;
            type = type.DeclaringType;
        }

        if (name.StartsWith('<') && name.IndexOf('>') is > 1 and var close)
        {
            name = name[1..close];
        }

        string full = type == null ? name : $"{type.FullName}.{name}";
        return isInline ? $"a delegate of {full}" : full;
    }
}
