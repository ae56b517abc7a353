// The one entry point of the bridge: proves that both sides mean the same by bridge_abi.h, then exchanges the
// tables. Loads nothing of the application (see Host) and does nothing that a process without requests would
// not need: it lies on the way to the first answer.

using System;
using System.Runtime.InteropServices;
using Owind.Boundary;

namespace Owind;

/// <summary>What the native host calls first, by name.</summary>
public static unsafe class Bootstrap
{
    /// <summary>Checks the layout, keeps the native table and fills the managed one.</summary>
    /// <param name="args">An owind_bootstrap.</param>
    /// <param name="size">Its size, as the caller was compiled.</param>
    /// <returns>An owind_status; FAILED: the reason is in the error buffer of <paramref name="args"/>.</returns>
    [UnmanagedCallersOnly]
    public static int Initialize(void* args, int size)
    {
        var arguments = (BootstrapArguments*)args;
        if (arguments == null || size < sizeof(BootstrapArguments))
        {
            // Where the error buffer lies is not known either.
            return (int)Status.Failed;
        }

        try
        {
            string? difference = FirstDifference(arguments, size);
            ErrorText.Write(
                difference ?? string.Empty, arguments->Error, arguments->ErrorCapacity, arguments->ErrorLength);
            if (difference != null)
            {
                return (int)Status.Failed;
            }

            Native.Install(arguments->Native);
            ManagedExports.Fill(arguments->Managed);
            return (int)Status.Ok;
        }
        catch (Exception exception)
        {
            ErrorText.Write(
                Log.Describe(exception), arguments->Error, arguments->ErrorCapacity, arguments->ErrorLength);
            return (int)Status.Failed;
        }
    }

    private static string? FirstDifference(BootstrapArguments* arguments, int size)
    {
        if (arguments->AbiVersion != Abi.Version)
        {
            return $"the server speaks version {arguments->AbiVersion} of the boundary and the bridge version " +
                   $"{Abi.Version}: both must be of one build";
        }

        if (arguments->Size != (uint)size)
        {
            return $"owind_bootstrap.size says {arguments->Size}, the call says {size}";
        }

        if (arguments->Native == null || arguments->Native->Size < (uint)sizeof(NativeTable))
        {
            return $"owind_native_table.size: the bridge needs {sizeof(NativeTable)} bytes";
        }

        if (arguments->Native->AbiVersion != Abi.Version)
        {
            return $"owind_native_table.abi_version is {arguments->Native->AbiVersion}, not {Abi.Version}";
        }

        if (arguments->Managed == null || arguments->Managed->Size < (uint)sizeof(ManagedTable))
        {
            return $"owind_managed_table.size: the bridge fills {sizeof(ManagedTable)} bytes";
        }

        return LayoutCheck.FirstDifference(arguments->Layout, arguments->LayoutCount);
    }
}
