// Parameter and result types of a delegate as its author wrote them: those of the method behind it, because a
// variant delegate type may be wider; those of the delegate type where the method has a bound first argument
// (closed static methods, compiled expressions).

using System;
using System.Reflection;

namespace Owind.Builder;

internal static class DelegateSignature
{
    /// <summary>The types of the arguments that a caller gives.</summary>
    public static Type[] ParameterTypes(Delegate function)
    {
        ParameterInfo[] visible = function.GetType().GetMethod("Invoke")!.GetParameters();
        ParameterInfo[] written = function.Method.GetParameters();
        ParameterInfo[] chosen = written.Length == visible.Length ? written : visible;
        var types = new Type[chosen.Length];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = chosen[i].ParameterType;
        }

        return types;
    }

    /// <summary>The type of the result.</summary>
    public static Type ReturnType(Delegate function) => function.Method.ReturnType;
}
