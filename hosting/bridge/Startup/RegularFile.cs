// Whether a path leads to a regular file. Opening anything else may never return (a named pipe without a writer), so
// this is asked before every file of an application's folder is opened. The framework has no such question.

using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Owind.Startup;

internal static unsafe class RegularFile
{
    // statx(2): the layout is the same on every architecture.
    private const int CurrentFolder = -100;
    private const uint TypeWanted = 1;
    private const int ModeAt = 28;
    private const int TypeMask = 0xf000;
    private const int Regular = 0x8000;

    /// <summary>True for a regular file and for a link to one. Where the system does not tell, what exists and is no
    /// folder counts.</summary>
    internal static bool Exists(string path)
    {
        byte* answer = stackalloc byte[256];
        try
        {
            if (Statx(CurrentFolder, path, 0, TypeWanted, answer) == 0)
            {
                return (*(ushort*)(answer + ModeAt) & TypeMask) == Regular;
            }
        }
        catch (EntryPointNotFoundException)
        {
            // A C library older than the call.
        }

        return File.Exists(path);
    }

    [DllImport("libc", EntryPoint = "statx")]
    private static extern int Statx(
        int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint wanted, byte* answer);
}
