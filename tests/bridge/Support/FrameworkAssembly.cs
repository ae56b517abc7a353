// Writes an assembly as the .NET Framework 4 compiler would: an Owin.IAppBuilder whose references go to
// mscorlib 4.0.0.0 (ECMA-335 §II.22).

using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Owind.Tests.Support;

internal static class FrameworkAssembly
{
    public static byte[] WithAppBuilder(string name)
    {
        var metadata = new MetadataBuilder();
        metadata.AddModule(0, metadata.GetOrAddString(name + ".dll"), metadata.GetOrAddGuid(System.Guid.NewGuid()), default, default);
        metadata.AddAssembly(
            metadata.GetOrAddString(name), new System.Version(1, 0, 0, 0), default, default, default, AssemblyHashAlgorithm.Sha1);
        AssemblyReferenceHandle mscorlib = metadata.AddAssemblyReference(
            metadata.GetOrAddString("mscorlib"), new System.Version(4, 0, 0, 0), default,
            metadata.GetOrAddBlob(new byte[] { 0xb7, 0x7a, 0x5c, 0x56, 0x19, 0x34, 0xe0, 0x89 }), default, default);
        TypeReferenceHandle type = Reference("System", "Type");
        TypeReferenceHandle dictionary = Reference("System.Collections.Generic", "IDictionary`2");
        MethodDefinitionHandle first = MetadataTokens.MethodDefinitionHandle(1);
        metadata.AddTypeDefinition(
            default, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), first);
        TypeDefinitionHandle builder = metadata.AddTypeDefinition(
            TypeAttributes.Public | TypeAttributes.Interface | TypeAttributes.Abstract,
            metadata.GetOrAddString("Owin"), metadata.GetOrAddString("IAppBuilder"), default,
            MetadataTokens.FieldDefinitionHandle(1), first);

        Method("get_Properties", 0, result =>
        {
            GenericTypeArgumentsEncoder arguments = result.Type().GenericInstantiation(dictionary, 2, isValueType: false);
            arguments.AddArgument().String();
            arguments.AddArgument().Object();
        });
        Method("Build", 1, result => result.Type().Object(), parameters => parameters.AddParameter().Type().Type(type, false));
        Method("New", 0, result => result.Type().Type(builder, false));
        Method("Use", 2, result => result.Type().Type(builder, false), parameters =>
        {
            parameters.AddParameter().Type().Object();
            parameters.AddParameter().Type().SZArray().Object();
        });

        var image = new ManagedPEBuilder(
            PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata, "v4.0.30319"), new BlobBuilder());
        var bytes = new BlobBuilder();
        image.Serialize(bytes);
        return bytes.ToArray();

        TypeReferenceHandle Reference(string space, string simpleName) => metadata.AddTypeReference(
            mscorlib, metadata.GetOrAddString(space), metadata.GetOrAddString(simpleName));

        void Method(
            string methodName, int count, System.Action<ReturnTypeEncoder> result, System.Action<ParametersEncoder>? parameters = null)
        {
            var signature = new BlobBuilder();
            new BlobEncoder(signature).MethodSignature(isInstanceMethod: true)
                .Parameters(count, result, parameters ?? (_ => { }));
            metadata.AddMethodDefinition(
                MethodAttributes.Public | MethodAttributes.Abstract | MethodAttributes.Virtual
                    | MethodAttributes.NewSlot | MethodAttributes.HideBySig,
                MethodImplAttributes.IL, metadata.GetOrAddString(methodName), metadata.GetOrAddBlob(signature), -1,
                MetadataTokens.ParameterHandle(1));
        }
    }
}
