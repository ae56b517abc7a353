// Writes small assemblies of particular shapes. Their methods only call a static method of the tests. Each has
// a name of its own, because the default load context keeps what it has loaded.

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Text;
using System.Threading;
using Xunit;

namespace Owind.Tests.Support;

internal sealed class TinyAssembly
{
    private static int _count;

    private readonly PersistedAssemblyBuilder _assembly;
    private readonly ModuleBuilder _module;
    private readonly List<TypeBuilder> _types = new();
    private readonly Dictionary<string, MethodInfo> _interfaceMethods = new();

    public TinyAssembly(string? name = null, Version? version = null)
    {
        Name = name ?? "Tiny" + Interlocked.Increment(ref _count);
        _assembly = new PersistedAssemblyBuilder(new AssemblyName(Name) { Version = version }, typeof(object).Assembly);
        _module = _assembly.DefineDynamicModule(Name);
    }

    public string Name { get; }

    public TypeBuilder Class(string fullName, Type? parent = null)
    {
        TypeBuilder type = _module.DefineType(
            fullName, TypeAttributes.Public | TypeAttributes.Class, parent ?? typeof(object));
        _types.Add(type);
        return type;
    }

    /// <summary>A class with one method that calls <paramref name="callee"/> with its own arguments.</summary>
    public TinyAssembly Startup(string fullName, Delegate callee, string method = "Configuration", bool isStatic = true)
    {
        Method(Class(fullName), method, callee.Method, isStatic);
        return this;
    }

    public static void Method(TypeBuilder type, string name, MethodInfo callee, bool isStatic = true)
    {
        Type[] parameters = Array.ConvertAll(callee.GetParameters(), parameter => parameter.ParameterType);
        MethodBuilder method = type.DefineMethod(
            name, MethodAttributes.Public | (isStatic ? MethodAttributes.Static : default), callee.ReturnType, parameters);
        ILGenerator code = method.GetILGenerator();
        for (int i = 0; i < parameters.Length; i++)
        {
            code.Emit(OpCodes.Ldarg, (short)(isStatic ? i : i + 1));
        }

        code.Emit(OpCodes.Call, callee);
        code.Emit(OpCodes.Ret);
    }

    /// <summary>An Owin.IAppBuilder of the assembly's own.</summary>
    public TypeBuilder AppBuilderInterface(bool isPublic = true, string fullName = "Owin.IAppBuilder")
    {
        TypeBuilder type = _module.DefineType(fullName,
            TypeAttributes.Interface | TypeAttributes.Abstract | (isPublic ? TypeAttributes.Public : TypeAttributes.NotPublic));
        _types.Add(type);
        Define("get_Properties", typeof(IDictionary<string, object>));
        Define("Build", typeof(object), typeof(Type));
        Define("New", type);
        Define("Use", type, typeof(object), typeof(object[]));
        PropertyBuilder properties = type.DefineProperty(
            "Properties", PropertyAttributes.None, typeof(IDictionary<string, object>), null);
        properties.SetGetMethod((MethodBuilder)_interfaceMethods["get_Properties"]);
        return type;

        void Define(string name, Type result, params Type[] parameters) => _interfaceMethods[name] = type.DefineMethod(
            name,
            MethodAttributes.Public | MethodAttributes.Abstract | MethodAttributes.Virtual | MethodAttributes.NewSlot
                | MethodAttributes.HideBySig | (name.StartsWith("get_", StringComparison.Ordinal) ? MethodAttributes.SpecialName : default),
            result, parameters);
    }

    /// <summary>
    /// A class whose Configuration takes the assembly's own IAppBuilder and calls <paramref name="callee"/>
    /// (an Action over IDictionary) with its Properties.
    /// </summary>
    public TinyAssembly StartupOverOwnBuilder(
        string fullName, Type builder, Action<IDictionary<string, object>> callee, string methodName = "Configuration")
    {
        MethodBuilder method = Class(fullName).DefineMethod(
            methodName, MethodAttributes.Public | MethodAttributes.Static, typeof(void), new[] { builder });
        ILGenerator code = method.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Callvirt, _interfaceMethods["get_Properties"]);
        code.Emit(OpCodes.Call, callee.Method);
        code.Emit(OpCodes.Ret);
        return this;
    }

    /// <summary>An assembly attribute made with (Type), by type name; null gives a null Type.</summary>
    public TinyAssembly Attribute(Type attribute, string? startupType)
    {
        var blob = new MemoryStream();
        blob.Write([1, 0]);
        String(blob, startupType);
        blob.Write([0, 0]);
        _assembly.SetCustomAttribute(attribute.GetConstructor(new[] { typeof(Type) })!, blob.ToArray());
        return this;
    }

    /// <summary>An assembly attribute made with (friendly name, Type, method name).</summary>
    public TinyAssembly Attribute(Type attribute, string friendlyName, string startupType, string method)
    {
        var blob = new MemoryStream();
        blob.Write([1, 0]);
        String(blob, friendlyName);
        String(blob, startupType);
        String(blob, method);
        blob.Write([0, 0]);
        _assembly.SetCustomAttribute(
            attribute.GetConstructor(new[] { typeof(string), typeof(Type), typeof(string) })!, blob.ToArray());
        return this;
    }

    public TinyAssembly AttributeWithoutArguments(Type attribute)
    {
        _assembly.SetCustomAttribute(attribute.GetConstructor(Type.EmptyTypes)!, [1, 0, 0, 0]);
        return this;
    }

    public byte[] ToBytes()
    {
        foreach (TypeBuilder type in _types)
        {
            type.CreateType();
        }

        var stream = new MemoryStream();
        _assembly.Save(stream);
        return stream.ToArray();
    }

    /// <summary>Saves it with an entry point: a static method of one of its classes.</summary>
    public string SaveProgram(TemporaryFolder folder, string typeName, string methodName)
    {
        MethodInfo? main = null;
        foreach (TypeBuilder type in _types)
        {
            Type made = type.CreateType();
            main = made.FullName == typeName ? made.GetMethod(methodName) : main;
        }

        MetadataBuilder metadata = _assembly.GenerateMetadata(out BlobBuilder code, out BlobBuilder data);
        var image = new ManagedPEBuilder(
            PEHeaderBuilder.CreateExecutableHeader(), new MetadataRootBuilder(metadata), code, data,
            entryPoint: MetadataTokens.MethodDefinitionHandle(main!.MetadataToken & 0xffffff));
        var bytes = new BlobBuilder();
        image.Serialize(bytes);
        return folder.File(Name + ".dll", bytes.ToArray());
    }

    public string Save(TemporaryFolder folder, string? fileName = null) =>
        folder.File(fileName ?? Name + ".dll", ToBytes());

    public Assembly LoadInto(AssemblyLoadContext context) => context.LoadFromStream(new MemoryStream(ToBytes()));

    private static void String(MemoryStream blob, string? text)
    {
        if (text == null)
        {
            blob.WriteByte(0xff);
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Assert.True(bytes.Length < 0x80);
        blob.WriteByte((byte)bytes.Length);
        blob.Write(bytes);
    }
}
