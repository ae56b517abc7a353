// Conversions between the signatures of applications, and the rule by which Build chooses among them: the object
// as it is; its public Invoke as a delegate of the wanted type; one registered conversion; a registered
// conversion with one such hop before and after it. Shared by a builder and all that its New made.

using System;
using System.Collections.Generic;
using System.Reflection;

namespace Owind.Builder;

internal sealed class ConversionTable
{
    private readonly List<Conversion> _conversions = new();

    /// <summary>
    /// Why conversions that should be here are missing, or null. Becomes the inner exception of the failure
    /// that their absence causes.
    /// </summary>
    public Exception? RegistrationFailure { get; set; }

    /// <summary>Registers a conversion, or replaces the one between the same two types.</summary>
    public void Add(Delegate conversion)
    {
        ArgumentNullException.ThrowIfNull(conversion);
        Type[] parameters = DelegateSignature.ParameterTypes(conversion);
        if (parameters.Length != 1)
        {
            throw new ArgumentException("Conversion delegate must take one parameter.", nameof(conversion));
        }

        var added = new Conversion(parameters[0], DelegateSignature.ReturnType(conversion), conversion);
        int same = _conversions.FindIndex(one => one.From == added.From && one.To == added.To);
        if (same >= 0)
        {
            _conversions[same] = added;
        }
        else
        {
            _conversions.Add(added);
        }
    }

    /// <summary>The application as an instance of <paramref name="signature"/>; null stays null.</summary>
    public object? Convert(Type signature, object? app)
    {
        if (app == null)
        {
            return null;
        }

        return OneHop(signature, app) ?? ManyHops(signature, app) ?? throw new ArgumentException(
            $"No conversion available between {app.GetType()} and {signature}.", nameof(signature), RegistrationFailure);
    }

    private object? OneHop(Type signature, object app)
    {
        if (signature.IsInstanceOfType(app))
        {
            return app;
        }

        Delegate? member = signature.IsSubclassOf(typeof(Delegate)) ? InvokeAs(signature, app) : null;
        if (member != null)
        {
            return member;
        }

        // By index: a conversion may register another while it runs.
        for (int i = 0; i < _conversions.Count; i++)
        {
            Conversion conversion = _conversions[i];
            if (conversion.From.IsInstanceOfType(app) && signature.IsAssignableFrom(conversion.To))
            {
                return conversion.Function.DynamicInvoke(app);
            }
        }

        return null;
    }

    private object? ManyHops(Type signature, object app)
    {
        for (int i = 0; i < _conversions.Count; i++)
        {
            Conversion conversion = _conversions[i];
            object? before = OneHop(conversion.From, app);
            object? middle = before == null ? null : conversion.Function.DynamicInvoke(before);
            object? after = middle == null ? null : OneHop(signature, middle);
            if (after != null)
            {
                return after;
            }
        }

        return null;
    }

    private static Delegate? InvokeAs(Type signature, object app)
    {
        MethodInfo? wanted = signature.GetMethod("Invoke");
        if (wanted == null)
        {
            return null; // MulticastDelegate itself
        }

        ParameterInfo[] given = wanted.GetParameters();
        foreach (MethodInfo method in app.GetType().GetMethods())
        {
            if (method.Name == "Invoke" && !method.IsStatic && !method.ContainsGenericParameters
                && wanted.ReturnType.IsAssignableFrom(method.ReturnType) && Accepts(method.GetParameters(), given))
            {
                // Null where assignable is not enough: a value type does not box on the way into a delegate.
                Delegate? member = Delegate.CreateDelegate(signature, app, method, throwOnBindFailure: false);
                if (member != null)
                {
                    return member;
                }
            }
        }

        return null;
    }

    private static bool Accepts(ParameterInfo[] parameters, ParameterInfo[] given)
    {
        if (parameters.Length != given.Length)
        {
            return false;
        }

        for (int i = 0; i < given.Length; i++)
        {
            if (!parameters[i].ParameterType.IsAssignableFrom(given[i].ParameterType))
            {
                return false;
            }
        }

        return true;
    }

    private readonly record struct Conversion(Type From, Type To, Delegate Function);
}
