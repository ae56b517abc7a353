// Recognises the kinds of objects that IAppBuilder.Use takes, in this order: a delegate (next, args…); an instance
// with Initialize(next, args…), which then is the application itself; an instance with Invoke(next, args…), which
// returns the application; a Type with a constructor (next, args…). One kind is ours alone and comes before
// the third: an instance whose only fitting method is Task Invoke(IDictionary<string, object>), see InstanceModule.
// (By the third rule it would be asked to make an application out of a dictionary, and fail at Build.)

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Threading.Tasks;

namespace Owind.Builder;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal static class MiddlewarePattern
{
    /// <summary>The list entry for an object given to Use.</summary>
    public static Middleware Match(object middleware, object?[] args)
    {
        ArgumentNullException.ThrowIfNull(middleware, "middlewareObject");
        Middleware? match = middleware switch
        {
            Delegate function => FromDelegate(function, args),
            Type type => FromConstructor(type, args),
            _ => FromInstance(middleware, args),
        };
        return match ?? throw new NotSupportedException(
            $"The type '{middleware.GetType().FullName}' does not match any known middleware pattern.");
    }

    private static Middleware? FromDelegate(Delegate function, object?[] args)
    {
        Type[] parameters = DelegateSignature.ParameterTypes(function);
        return parameters.Length == 0
            ? null
            : new Middleware(function, args, parameters[0], next => function.DynamicInvoke(Prepend(next, args)));
    }

    private static Middleware FromConstructor(Type type, object?[] args)
    {
        foreach (ConstructorInfo constructor in type.GetConstructors())
        {
            ParameterInfo[] parameters = constructor.GetParameters();
            if (Fits(parameters, args))
            {
                return new Middleware(
                    type, args, parameters[0].ParameterType, next => constructor.Invoke(Prepend(next, args)));
            }
        }

        throw new MissingMethodException(
            $"The class '{type.FullName}' does not have a constructor taking {args.Length + 1} arguments.");
    }

    private static Middleware? FromInstance(object instance, object?[] args)
    {
        MethodInfo[] methods = instance.GetType().GetMethods();
        foreach (MethodInfo method in methods)
        {
            ParameterInfo[]? parameters = FittingParameters(method, "Initialize", args);
            if (parameters != null)
            {
                return new Middleware(instance, args, parameters[0].ParameterType, next =>
                {
                    method.Invoke(instance, Prepend(next, args));
                    return instance;
                });
            }
        }

        MethodInfo? module = null;
        foreach (MethodInfo method in methods)
        {
            ParameterInfo[]? parameters = FittingParameters(method, "Invoke", args);
            if (parameters == null || method.ReturnType == typeof(void))
            {
                continue;
            }

            if (IsModule(method, parameters))
            {
                module ??= method;
                continue;
            }

            return new Middleware(
                instance, args, parameters[0].ParameterType, next => method.Invoke(instance, Prepend(next, args)));
        }

        return module == null ? null : FromModule(instance, module);
    }

    private static Middleware FromModule(object instance, MethodInfo method)
    {
        AppFunc module = method.CreateDelegate<AppFunc>(method.IsStatic ? null : instance);
        return new Middleware(instance, [], typeof(AppFunc), next => InstanceModule.Before(module, (AppFunc?)next));
    }

    private static bool IsModule(MethodInfo method, ParameterInfo[] parameters) =>
        parameters.Length == 1
        && parameters[0].ParameterType == typeof(IDictionary<string, object>)
        && typeof(Task).IsAssignableFrom(method.ReturnType);

    private static ParameterInfo[]? FittingParameters(MethodInfo method, string name, object?[] args)
    {
        if (method.Name != name || method.ContainsGenericParameters)
        {
            return null;
        }

        ParameterInfo[] parameters = method.GetParameters();
        return Fits(parameters, args) ? parameters : null;
    }

    private static bool Fits(ParameterInfo[] parameters, object?[] args)
    {
        if (parameters.Length != args.Length + 1)
        {
            return false;
        }

        for (int i = 0; i < args.Length; i++)
        {
            Type type = parameters[i + 1].ParameterType;
            if (args[i] == null ? type.IsValueType : !type.IsInstanceOfType(args[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static object?[] Prepend(object? next, object?[] args)
    {
        var all = new object?[args.Length + 1];
        all[0] = next;
        args.CopyTo(all, 1);
        return all;
    }
}
