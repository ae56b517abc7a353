// security.DataProtectionProvider, as Katana's cookie and OAuth middleware ask for it: purposes give a pair of
// functions that encrypt and decrypt. Without it they would look for DPAPI, which exists on Windows only. Costs
// nothing until something is protected: applications create protectors at start-up.

using System;

namespace Owind.DataProtection;

using ProtectorPair = Tuple<Func<byte[], byte[]>, Func<byte[], byte[]>>;

internal static class DataProtectionProvider
{
    /// <param name="folder">Where the keys are kept; null: in memory, for as long as the process lives.</param>
    internal static Func<string[], ProtectorPair> Create(string? folder)
    {
        var ring = new KeyRing(folder, TimeProvider.System);
        return purposes =>
        {
            var protector = new Protector(ring, purposes);
            return new ProtectorPair(protector.Protect, protector.Unprotect);
        };
    }
}
