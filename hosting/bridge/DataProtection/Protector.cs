// Encrypts and decrypts for one list of purposes: AES-256-CBC, then HMAC-SHA256 over everything before it. Both keys
// are derived from the ring's key and the purposes (HKDF, RFC 5869), so what was protected for one purpose is
// refused for another. Payload: 4 bytes format, 16 key id, 16 IV, ciphertext, 32 MAC. Thread-safe.

using System;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Owind.DataProtection;

internal sealed class Protector
{
    private const int FormatBytes = 4;
    private const int IdBytes = 16;
    private const int IvBytes = 16;
    private const int BlockBytes = 16;
    private const int KeyBytes = 32;
    private const int MacBytes = 32;
    private const int HeaderBytes = FormatBytes + IdBytes + IvBytes;

    private readonly KeyRing _ring;
    private readonly byte[] _purposes;
    private readonly ConcurrentDictionary<Guid, Keys> _derived = new();

    internal Protector(KeyRing ring, string[] purposes)
    {
        ArgumentNullException.ThrowIfNull(purposes);
        _ring = ring;
        _purposes = Encode(purposes);
    }

    private sealed record Keys(byte[] Encryption, byte[] Authentication);

    private static ReadOnlySpan<byte> Format => "OWD1"u8;

    internal byte[] Protect(byte[] plain)
    {
        ArgumentNullException.ThrowIfNull(plain);
        ProtectionKey key = _ring.Current;
        Keys keys = Derive(key);
        using Aes aes = Aes.Create();
        aes.Key = keys.Encryption;
        int cipherBytes = aes.GetCiphertextLengthCbc(plain.Length);
        byte[] payload = new byte[HeaderBytes + cipherBytes + MacBytes];
        Format.CopyTo(payload);
        key.Id.TryWriteBytes(payload.AsSpan(FormatBytes));
        Span<byte> iv = payload.AsSpan(FormatBytes + IdBytes, IvBytes);
        RandomNumberGenerator.Fill(iv);
        aes.EncryptCbc(plain, iv, payload.AsSpan(HeaderBytes, cipherBytes));
        HMACSHA256.HashData(keys.Authentication, payload.AsSpan(..^MacBytes), payload.AsSpan(^MacBytes..));
        return payload;
    }

    /// <exception cref="CryptographicException">It was not protected with these purposes and a key of this ring, or
    /// was changed since.</exception>
    internal byte[] Unprotect(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        ReadOnlySpan<byte> all = payload;
        int cipherBytes = all.Length - HeaderBytes - MacBytes;
        if (cipherBytes < BlockBytes || cipherBytes % BlockBytes != 0 || !all.StartsWith(Format))
        {
            throw new CryptographicException("The data was not protected by this server.");
        }

        ProtectionKey key = _ring.Find(new Guid(all.Slice(FormatBytes, IdBytes))) ??
                            throw new CryptographicException("The key that the data was protected with is not known.");
        Keys keys = Derive(key);
        Span<byte> mac = stackalloc byte[MacBytes];
        HMACSHA256.HashData(keys.Authentication, all[..^MacBytes], mac);
        if (!CryptographicOperations.FixedTimeEquals(mac, all[^MacBytes..]))
        {
            throw new CryptographicException("The data was changed, or protected for another purpose.");
        }

        using Aes aes = Aes.Create();
        aes.Key = keys.Encryption;
        return aes.DecryptCbc(all.Slice(HeaderBytes, cipherBytes), all.Slice(FormatBytes + IdBytes, IvBytes));
    }

    private Keys Derive(ProtectionKey key) => _derived.GetOrAdd(key.Id, static (_, state) =>
    {
        byte[] both = HKDF.DeriveKey(
            HashAlgorithmName.SHA256, state.key.Secret, 2 * KeyBytes, salt: null, info: state._purposes);
        return new Keys(both[..KeyBytes], both[KeyBytes..]);
    }, (key, _purposes));

    // With lengths, so that {"ab"} and {"a", "b"} are different purposes.
    private static byte[] Encode(string[] purposes)
    {
        var bytes = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (string purpose in purposes)
        {
            byte[] text = Encoding.UTF8.GetBytes(purpose ?? string.Empty);
            BinaryPrimitives.WriteInt32BigEndian(length, text.Length);
            bytes.Write(length);
            bytes.Write(text);
        }

        return bytes.ToArray();
    }
}
