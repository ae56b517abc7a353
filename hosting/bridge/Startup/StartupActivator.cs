// Makes the instance of a startup class. A class with exactly one public constructor that takes parameters gets
// them from the host's services: the host has none, so each is null (the default, for a value type). Any other
// class is made by its parameterless constructor.

using System;
using System.Reflection;

namespace Owind.Startup;

internal static class StartupActivator
{
    /// <summary>A new instance. What its constructor throws arrives as TargetInvocationException.</summary>
    /// <exception cref="MissingMethodException">There is no constructor to use; also for an abstract class.</exception>
    public static object Create(Type type)
    {
        ConstructorInfo? injectable = null;
        int count = 0;
        foreach (ConstructorInfo constructor in type.GetConstructors())
        {
            if (constructor.GetParameters().Length > 0)
            {
                injectable = constructor;
                count++;
            }
        }

        return count == 1 && !type.IsAbstract
            ? injectable!.Invoke(new object?[injectable.GetParameters().Length])
            : Activator.CreateInstance(type)!;
    }
}
