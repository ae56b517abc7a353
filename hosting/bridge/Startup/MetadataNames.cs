// Questions about the names in an assembly's metadata (ECMA-335 §II.24). The quick one looks at bytes alone.

using System;
using System.Reflection.Metadata;
using System.Text;

namespace Owind.Startup;

internal static class MetadataNames
{
    /// <summary>
    /// Whether a name can occur in a metadata image: no false negatives. In the #Strings heap names end with a
    /// zero and may share their tails, so what comes before is not looked at.
    /// </summary>
    public static bool Contain(ReadOnlySpan<byte> metadata, string name)
    {
        Span<byte> sought = stackalloc byte[512];
        if (!Encoding.UTF8.TryGetBytes(name, sought.Slice(0, sought.Length - 1), out int length))
        {
            return true;
        }

        sought[length] = 0;
        return metadata.IndexOf(sought.Slice(0, length + 1)) >= 0;
    }

    /// <summary>Whether an attribute's type has that name, in any namespace and assembly.</summary>
    public static bool IsOfType(MetadataReader reader, CustomAttribute attribute, string typeName)
    {
        EntityHandle type = attribute.Constructor.Kind switch
        {
            HandleKind.MemberReference =>
                reader.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent,
            HandleKind.MethodDefinition =>
                reader.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).GetDeclaringType(),
            _ => default,
        };
        StringHandle name = type.Kind switch
        {
            HandleKind.TypeReference => reader.GetTypeReference((TypeReferenceHandle)type).Name,
            HandleKind.TypeDefinition => reader.GetTypeDefinition((TypeDefinitionHandle)type).Name,
            _ => default,
        };
        return !name.IsNil && reader.StringComparer.Equals(name, typeName);
    }

    /// <summary>Whether the assembly itself carries an attribute whose type has that name.</summary>
    public static bool HasAssemblyAttribute(MetadataReader reader, string typeName)
    {
        foreach (CustomAttributeHandle handle in reader.GetAssemblyDefinition().GetCustomAttributes())
        {
            if (IsOfType(reader, reader.GetCustomAttribute(handle), typeName))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether the assembly defines a type of that full name. For a nested one (with '+') the last part decides.
    /// </summary>
    public static bool DefinesType(MetadataReader reader, string fullName)
    {
        int plus = fullName.LastIndexOf('+');
        int dot = plus >= 0 ? -1 : fullName.LastIndexOf('.');
        string name = SimpleName(fullName);
        string space = dot < 0 ? "" : fullName.Substring(0, dot);
        foreach (TypeDefinitionHandle handle in reader.TypeDefinitions)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            if (type.IsNested == (plus >= 0) && reader.StringComparer.Equals(type.Name, name)
                && (plus >= 0 || reader.StringComparer.Equals(type.Namespace, space)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A type's name without namespace and outer types.</summary>
    public static string SimpleName(string fullName) => fullName.Substring(fullName.LastIndexOfAny(['.', '+']) + 1);
}
