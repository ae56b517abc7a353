// Turns the type names in the blob of a custom attribute into types, as seen from the assembly that carries it.

using System;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Runtime.Loader;

namespace Owind.Startup;

internal sealed class AttributeTypeProvider : ICustomAttributeTypeProvider<Type>
{
    private readonly Assembly _assembly;

    public AttributeTypeProvider(Assembly assembly)
    {
        _assembly = assembly;
    }

    public Type GetPrimitiveType(PrimitiveTypeCode code) => code switch
    {
        PrimitiveTypeCode.Boolean => typeof(bool),
        PrimitiveTypeCode.Byte => typeof(byte),
        PrimitiveTypeCode.SByte => typeof(sbyte),
        PrimitiveTypeCode.Char => typeof(char),
        PrimitiveTypeCode.Int16 => typeof(short),
        PrimitiveTypeCode.UInt16 => typeof(ushort),
        PrimitiveTypeCode.Int32 => typeof(int),
        PrimitiveTypeCode.UInt32 => typeof(uint),
        PrimitiveTypeCode.Int64 => typeof(long),
        PrimitiveTypeCode.UInt64 => typeof(ulong),
        PrimitiveTypeCode.Single => typeof(float),
        PrimitiveTypeCode.Double => typeof(double),
        PrimitiveTypeCode.String => typeof(string),
        _ => typeof(object),
    };

    public Type GetSystemType() => typeof(Type);

    public bool IsSystemType(Type type) => type == typeof(Type);

    public Type GetSZArrayType(Type elementType) => elementType.MakeArrayType();

    public Type GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        _assembly.ManifestModule.ResolveType(MetadataTokens.GetToken(handle));

    public Type GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        _assembly.ManifestModule.ResolveType(MetadataTokens.GetToken(handle));

    // Null for an argument that is null, in spite of the interface.
    public Type GetTypeFromSerializedName(string? name)
    {
        if (name == null)
        {
            return null!;
        }

        AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(_assembly) ?? AssemblyLoadContext.Default;
        return Type.GetType(
            name,
            wanted => wanted.Name == _assembly.GetName().Name ? _assembly : context.LoadFromAssemblyName(wanted),
            (given, typeName, ignoreCase) => given != null
                ? given.GetType(typeName, throwOnError: false, ignoreCase)
                : _assembly.GetType(typeName, throwOnError: false, ignoreCase)
                    ?? typeof(object).Assembly.GetType(typeName, throwOnError: false, ignoreCase),
            throwOnError: true)!;
    }

    public PrimitiveTypeCode GetUnderlyingEnumType(Type type) => Type.GetTypeCode(Enum.GetUnderlyingType(type)) switch
    {
        TypeCode.Byte => PrimitiveTypeCode.Byte,
        TypeCode.SByte => PrimitiveTypeCode.SByte,
        TypeCode.Int16 => PrimitiveTypeCode.Int16,
        TypeCode.UInt16 => PrimitiveTypeCode.UInt16,
        TypeCode.UInt32 => PrimitiveTypeCode.UInt32,
        TypeCode.Int64 => PrimitiveTypeCode.Int64,
        TypeCode.UInt64 => PrimitiveTypeCode.UInt64,
        _ => PrimitiveTypeCode.Int32,
    };
}
