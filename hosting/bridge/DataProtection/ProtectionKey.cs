// One key of the ring and its file: a few lines of text, named after the key, so that a process which meets a key
// of another's finds it without a search.

using System;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Owind.DataProtection;

internal sealed class ProtectionKey
{
    internal const string Extension = ".key";

    private const int SecretBytes = 64;
    private const string FirstLine = "owind data protection key 1";

    private ProtectionKey(Guid id, DateTimeOffset created, byte[] secret)
    {
        Id = id;
        Created = created;
        Secret = secret;
    }

    internal Guid Id { get; }

    internal DateTimeOffset Created { get; }

    /// <summary>What the keys of the protectors are derived from; never used itself.</summary>
    internal byte[] Secret { get; }

    internal static ProtectionKey Create(DateTimeOffset now) =>
        new(Guid.NewGuid(), now, RandomNumberGenerator.GetBytes(SecretBytes));

    internal static string PathOf(string folder, Guid id) => Path.Combine(folder, id.ToString("N") + Extension);

    /// <exception cref="FormatException">It is not a key file, or was cut short.</exception>
    internal static ProtectionKey Read(string path)
    {
        string[] lines = File.ReadAllLines(path);
        if (lines is not [FirstLine, var id, var created, var secret, ..])
        {
            throw new FormatException($"'{path}' is not a key file of owind.");
        }

        byte[] bytes = Convert.FromBase64String(secret);
        return bytes.Length == SecretBytes
            ? new ProtectionKey(
                Guid.ParseExact(id, "N"),
                DateTimeOffset.ParseExact(created, "O", CultureInfo.InvariantCulture),
                bytes)
            : throw new FormatException($"The secret in '{path}' has {bytes.Length} bytes, not {SecretBytes}.");
    }

    /// <summary>Writes the file so that a reader finds all of it or nothing, and its owner alone may read it.</summary>
    internal void Write(string folder)
    {
        string path = PathOf(folder, Id);
        string temporary = path + ".tmp";
        using FileStream stream = PrivateFile.Open(temporary, FileMode.CreateNew);
        try
        {
            stream.Write(Encoding.UTF8.GetBytes(
                $"{FirstLine}\n{Id:N}\n{Created.ToString("O", CultureInfo.InvariantCulture)}\n" +
                $"{Convert.ToBase64String(Secret)}\n"));
            stream.Flush(flushToDisk: true);
            File.Move(temporary, path);
        }
        catch (IOException)
        {
            // A full disk: the next try has another name.
            File.Delete(temporary);
            throw;
        }
    }
}
