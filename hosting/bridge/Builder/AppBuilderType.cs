// Emits, once for each IAppBuilder type, the class that implements it. The class holds the Properties and three
// delegates and refers to framework types and to the interface only: it is defined in the load context of the
// interface, where the bridge's own assembly cannot be found.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Owind.Builder;

internal static class AppBuilderType
{
    private static readonly Type[] Fields =
    {
        typeof(IDictionary<string, object>), typeof(Func<Type, object>), typeof(Func<object>), typeof(Action<object, object[]>),
    };

    private static readonly ConditionalWeakTable<Type, ConstructorInfo> Constructors = new();

    /// <summary>
    /// The constructor (Properties, Build, New, Use) of the class that implements
    /// <paramref name="iAppBuilder"/>. Callable from any thread.
    /// </summary>
    public static ConstructorInfo ConstructorFor(Type iAppBuilder) => Constructors.GetValue(iAppBuilder, Emit);

    private static ConstructorInfo Emit(Type iAppBuilder)
    {
        if (!iAppBuilder.IsInterface || iAppBuilder.ContainsGenericParameters)
        {
            throw new ArgumentException($"The type '{iAppBuilder}' is not a closed interface.", nameof(iAppBuilder));
        }

        TypeBuilder type = DefineModule(iAppBuilder).DefineType(
            "Owind.ApplicationBuilder", TypeAttributes.Public | TypeAttributes.Sealed | TypeAttributes.Class);
        type.AddInterfaceImplementation(iAppBuilder);
        FieldBuilder[] fields = DefineConstructor(type);
        Implement(type, iAppBuilder, iAppBuilder, fields);
        foreach (Type inherited in iAppBuilder.GetInterfaces())
        {
            Implement(type, inherited, iAppBuilder, fields);
        }

        return type.CreateType().GetConstructor(Fields)!;
    }

    private static ModuleBuilder DefineModule(Type iAppBuilder)
    {
        // Names in the emitted class are looked up from the context that was entered here.
        using (AssemblyLoadContext.EnterContextualReflection(iAppBuilder.Assembly))
        {
            // A class that stays cannot implement an interface that may be unloaded.
            AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(
                new AssemblyName("Owind.ApplicationBuilder"),
                iAppBuilder.IsCollectible ? AssemblyBuilderAccess.RunAndCollect : AssemblyBuilderAccess.Run);
            ModuleBuilder module = assembly.DefineDynamicModule("Owind.ApplicationBuilder");
            if (!iAppBuilder.IsVisible)
            {
                IgnoreAccessChecks(assembly, module, iAppBuilder.Assembly);
            }

            return module;
        }
    }

    // The runtime knows this attribute by its name alone; no framework assembly defines it.
    private static void IgnoreAccessChecks(AssemblyBuilder assembly, ModuleBuilder module, Assembly target)
    {
        TypeBuilder attribute = module.DefineType(
            "System.Runtime.CompilerServices.IgnoresAccessChecksToAttribute",
            TypeAttributes.Public | TypeAttributes.Sealed | TypeAttributes.Class, typeof(Attribute));
        ConstructorBuilder constructor = attribute.DefineConstructor(
            MethodAttributes.Public, CallingConventions.Standard, new[] { typeof(string) });
        ILGenerator code = constructor.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Call, typeof(Attribute).GetConstructor(
            BindingFlags.Instance | BindingFlags.NonPublic, Type.EmptyTypes)!);
        code.Emit(OpCodes.Ret);
        ConstructorInfo created = attribute.CreateType().GetConstructor(new[] { typeof(string) })!;
        assembly.SetCustomAttribute(new CustomAttributeBuilder(created, new object[] { target.GetName().Name! }));
    }

    private static FieldBuilder[] DefineConstructor(TypeBuilder type)
    {
        ILGenerator code = type.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, Fields)
            .GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Call, typeof(object).GetConstructor(Type.EmptyTypes)!);
        var fields = new FieldBuilder[Fields.Length];
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i] = type.DefineField("_" + i, Fields[i], FieldAttributes.Private | FieldAttributes.InitOnly);
            code.Emit(OpCodes.Ldarg_0);
            code.Emit(OpCodes.Ldarg, (short)(i + 1));
            code.Emit(OpCodes.Stfld, fields[i]);
        }

        code.Emit(OpCodes.Ret);
        return fields;
    }

    private static void Implement(TypeBuilder type, Type declaring, Type iAppBuilder, FieldBuilder[] fields)
    {
        foreach (MethodInfo method in declaring.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            if (!method.IsAbstract)
            {
                continue; // it brings its own body
            }

            Type[] parameters = Array.ConvertAll(method.GetParameters(), static parameter => parameter.ParameterType);
            MethodBuilder implementation = type.DefineMethod(
                method.Name,
                MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.Final
                    | MethodAttributes.HideBySig | MethodAttributes.NewSlot | (method.Attributes & MethodAttributes.SpecialName),
                method.ReturnType, parameters);
            ILGenerator code = implementation.GetILGenerator();
            bool returnsBuilder = method.ReturnType.IsAssignableFrom(iAppBuilder);
            switch (method.Name)
            {
                case "get_Properties" when parameters.Length == 0 && method.ReturnType.IsAssignableFrom(Fields[0]):
                    Load(code, fields[0]);
                    DefineProperties(type, implementation);
                    break;
                case "Build" when Are(parameters, typeof(Type)) && method.ReturnType == typeof(object):
                    Load(code, fields[1]);
                    code.Emit(OpCodes.Ldarg_1);
                    code.Emit(OpCodes.Callvirt, Fields[1].GetMethod("Invoke")!);
                    break;
                case "New" when parameters.Length == 0 && returnsBuilder:
                    Load(code, fields[2]);
                    code.Emit(OpCodes.Callvirt, Fields[2].GetMethod("Invoke")!);
                    code.Emit(OpCodes.Castclass, method.ReturnType);
                    break;
                case "Use" when Are(parameters, typeof(object), typeof(object[])) && returnsBuilder:
                    Load(code, fields[3]);
                    code.Emit(OpCodes.Ldarg_1);
                    code.Emit(OpCodes.Ldarg_2);
                    code.Emit(OpCodes.Callvirt, Fields[3].GetMethod("Invoke")!);
                    code.Emit(OpCodes.Ldarg_0);
                    break;
                default:
                    code.Emit(OpCodes.Ldstr, $"'{declaring.FullName}.{method.Name}' is not a member of the OWIN builder.");
                    code.Emit(OpCodes.Newobj, typeof(NotSupportedException).GetConstructor(new[] { typeof(string) })!);
                    code.Emit(OpCodes.Throw);
                    break;
            }

            code.Emit(OpCodes.Ret);
            type.DefineMethodOverride(implementation, method);
        }
    }

    // For those who look at the object itself (reflection, `dynamic`) and not at the interface.
    private static void DefineProperties(TypeBuilder type, MethodBuilder getter) =>
        type.DefineProperty("Properties", PropertyAttributes.None, Fields[0], null).SetGetMethod(getter);

    private static void Load(ILGenerator code, FieldBuilder field)
    {
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Ldfld, field);
    }

    private static bool Are(Type[] parameters, params Type[] expected) => parameters.AsSpan().SequenceEqual(expected);
}
