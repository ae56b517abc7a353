// Makes the attributes of one type name from an assembly's metadata (ECMA-335 §II.23.3) and touches no other
// attribute of it.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Owind.Startup;

internal static class AttributeFactory
{
    /// <summary>
    /// Adds an instance of each assembly attribute whose type has that name; see StartupAttribute.AllOf.
    /// </summary>
    /// <param name="assembly">The assembly that carries them.</param>
    /// <param name="metadata">Its metadata, of <paramref name="length"/> bytes.</param>
    public static unsafe void Make(
        Assembly assembly, byte* metadata, int length, string typeName, List<object> found, IList<string> errors, ref bool any)
    {
        var reader = new MetadataReader(metadata, length);
        foreach (CustomAttributeHandle handle in reader.GetAssemblyDefinition().GetCustomAttributes())
        {
            CustomAttribute attribute = reader.GetCustomAttribute(handle);
            if (!MetadataNames.IsOfType(reader, attribute, typeName))
            {
                continue;
            }

            any = true;
            try
            {
                found.Add(Make(assembly, attribute));
            }
            catch (Exception exception)
            {
                Exception cause = exception is TargetInvocationException { InnerException: { } inner } ? inner : exception;
                errors.Add(StartupTexts.Format(
                    StartupTexts.AttributeUnreadable, assembly.FullName, StartupTexts.Describe(cause)));
            }
        }
    }

    private static object Make(Assembly assembly, CustomAttribute attribute)
    {
        var constructor = (ConstructorInfo)assembly.ManifestModule.ResolveMethod(
            MetadataTokens.GetToken(attribute.Constructor))!;
        CustomAttributeValue<Type> value = attribute.DecodeValue(new AttributeTypeProvider(assembly));
        var arguments = new object?[value.FixedArguments.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = Value(value.FixedArguments[i].Type, value.FixedArguments[i].Value);
        }

        object made = constructor.Invoke(arguments);
        foreach (CustomAttributeNamedArgument<Type> named in value.NamedArguments)
        {
            object? argument = Value(named.Type, named.Value);
            if (named.Kind == CustomAttributeNamedArgumentKind.Property)
            {
                made.GetType().GetProperty(named.Name!)!.SetValue(made, argument);
            }
            else
            {
                made.GetType().GetField(named.Name!)!.SetValue(made, argument);
            }
        }

        return made;
    }

    private static object? Value(Type type, object? value)
    {
        if (value is System.Collections.Immutable.ImmutableArray<CustomAttributeTypedArgument<Type>> items)
        {
            Type element = type.GetElementType() ?? typeof(object);
            var array = Array.CreateInstance(element, items.Length);
            for (int i = 0; i < items.Length; i++)
            {
                array.SetValue(Value(items[i].Type, items[i].Value), i);
            }

            return array;
        }

        return type.IsEnum && value != null ? Enum.ToObject(type, value) : value;
    }
}
