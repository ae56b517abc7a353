// Judges an assembly file without loading it: reads the headers (ECMA-335 §II.25) and the metadata, searches its
// names as bytes, and only where one occurs asks the metadata reader for the exact answer. Code, resources and
// native parts are not read.

using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Reflection.Metadata;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Owind.Startup;

internal static class AssemblyFile
{
    private const int HeaderBytes = 4096;
    private const int SectionBytes = 40;
    private const int CliHeaderBytes = 72;

    // Ten times what the largest assemblies have: a file that claims more is broken, or made to fill the memory.
    private const uint MaxMetadataBytes = 256 * 1024 * 1024;

    /// <summary>
    /// Whether a file carries an OwinStartupAttribute or defines one of the types.
    /// </summary>
    /// <param name="file">Its path.</param>
    /// <param name="typeNames">Full names; none: `Startup` and `AssemblyName.Startup`.</param>
    /// <exception cref="BadImageFormatException">The file is no .NET assembly.</exception>
    /// <exception cref="IOException">It cannot be read; also UnauthorizedAccessException.</exception>
    public static bool CanContain(string file, List<string> typeNames) => Judge(file, typeNames);

    /// <summary>Whether a file is a .NET assembly; false for a module of one.</summary>
    /// <exception cref="BadImageFormatException">It is something else.</exception>
    /// <exception cref="IOException">It cannot be read; also UnauthorizedAccessException.</exception>
    public static bool IsAssembly(string file) => Judge(file, null);

    private static unsafe bool Judge(string file, List<string>? typeNames)
    {
        using SafeFileHandle handle = File.OpenHandle(file);
        (long offset, int length) = Metadata(handle);
        if (length < 16)
        {
            throw new BadImageFormatException("its metadata is broken.");
        }

        // Native memory goes back at once; an array of this size would stay in the heap of a server for long.
        var buffer = (byte*)NativeMemory.Alloc((nuint)length);
        try
        {
            var metadata = new Span<byte>(buffer, length);
            ReadAll(handle, metadata, offset);
            if (!metadata.StartsWith("BSJB"u8))
            {
                throw new BadImageFormatException("its metadata is broken.");
            }

            return typeNames == null ? IsAssembly(buffer, length) : MayName(metadata, typeNames) && Defines(buffer, length, typeNames);
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    private static bool MayName(ReadOnlySpan<byte> metadata, List<string> typeNames)
    {
        if (MetadataNames.Contain(metadata, StartupAttribute.TypeName))
        {
            return true;
        }

        foreach (string name in typeNames)
        {
            if (MetadataNames.Contain(metadata, MetadataNames.SimpleName(name)))
            {
                return true;
            }
        }

        return typeNames.Count == 0 && MetadataNames.Contain(metadata, "Startup");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe bool IsAssembly(byte* metadata, int length) => new MetadataReader(metadata, length).IsAssembly;

    // Apart from its caller, so that the metadata reader is loaded only for a file that needs it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe bool Defines(byte* metadata, int length, List<string> typeNames)
    {
        var reader = new MetadataReader(metadata, length);
        if (!reader.IsAssembly)
        {
            return false; // a module of a multi-file assembly
        }

        if (MetadataNames.HasAssemblyAttribute(reader, StartupAttribute.TypeName))
        {
            return true;
        }

        foreach (string name in typeNames)
        {
            if (MetadataNames.DefinesType(reader, name))
            {
                return true;
            }
        }

        return typeNames.Count == 0
            && (MetadataNames.DefinesType(reader, "Startup")
                || MetadataNames.DefinesType(
                    reader, reader.GetString(reader.GetAssemblyDefinition().Name) + ".Startup"));
    }

    // Where the metadata stands in the file: PE header → data directory 14 → CLI header → metadata directory.
    private static (long Offset, int Length) Metadata(SafeFileHandle handle)
    {
        long size = RandomAccess.GetLength(handle);
        Span<byte> space = stackalloc byte[HeaderBytes];
        Span<byte> header = space.Slice(0, RandomAccess.Read(handle, space, 0));
        if (header.Length < 0x40 || !header.StartsWith("MZ"u8))
        {
            throw NotAnAssembly();
        }

        uint pe = U32(header, 0x3c);
        if (pe > header.Length || !Slice(header, pe, 24).StartsWith("PE\0\0"u8))
        {
            throw NotAnAssembly();
        }

        int sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(header.Slice((int)pe + 6));
        int optionalBytes = BinaryPrimitives.ReadUInt16LittleEndian(header.Slice((int)pe + 20));
        uint optional = pe + 24;
        bool is64 = Slice(header, optional, 2)[0] == 0x0b && header[(int)optional + 1] == 0x02; // PE32+
        uint directories = optional + (is64 ? 112u : 96u);
        if (U32(header, directories - 4) <= 14 || U32(header, directories + (14 * 8)) == 0)
        {
            throw new BadImageFormatException("it is a native library, not a .NET assembly.");
        }

        ReadOnlySpan<byte> sections = Slice(header, optional + (uint)optionalBytes, (uint)sectionCount * SectionBytes);
        long cliOffset = FileOffset(sections, U32(header, directories + (14 * 8)));
        Span<byte> cli = stackalloc byte[CliHeaderBytes];
        ReadAll(handle, cli, cliOffset);
        long offset = FileOffset(sections, U32(cli, 8));
        uint length = U32(cli, 12);
        if (length > MaxMetadataBytes)
        {
            throw new BadImageFormatException($"it claims {length} bytes of metadata.");
        }

        if (offset + length > size)
        {
            throw new BadImageFormatException("it is cut short.");
        }

        return (offset, (int)length);
    }

    private static long FileOffset(ReadOnlySpan<byte> sections, uint address)
    {
        for (uint at = 0; at < sections.Length; at += SectionBytes)
        {
            uint start = U32(sections, at + 12);
            if (address >= start && address - start < U32(sections, at + 16))
            {
                return address - start + (long)U32(sections, at + 20);
            }
        }

        throw new BadImageFormatException("its section table is broken.");
    }

    private static void ReadAll(SafeFileHandle handle, Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            int read = RandomAccess.Read(handle, target, offset);
            if (read == 0)
            {
                throw new BadImageFormatException("it is cut short.");
            }

            target = target.Slice(read);
            offset += read;
        }
    }

    private static uint U32(ReadOnlySpan<byte> bytes, uint at) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Slice(bytes, at, 4));

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> bytes, uint at, uint length) =>
        (ulong)at + length <= (ulong)bytes.Length
            ? bytes.Slice((int)at, (int)length)
            : throw new BadImageFormatException("its headers are broken.");

    private static BadImageFormatException NotAnAssembly() => new("it is not a .NET assembly.");
}
