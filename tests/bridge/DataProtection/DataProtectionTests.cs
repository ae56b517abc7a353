// What Katana's cookie middleware relies on: data comes back, nobody else can make or read it, and a restart or a
// second process signs nobody out.

using System;
using System.IO;
using System.Linq;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.DataProtection;
using Owind.Tests.Requests;
using Xunit;

namespace Owind.Tests.DataProtection;

[SupportedOSPlatform("linux")]
public sealed class DataProtectionTests : IDisposable
{
    private static readonly byte[] s_plain = "who you are"u8.ToArray();

    private readonly string _folder = Path.Combine(Path.GetTempPath(), "owind-keys-" + Guid.NewGuid().ToString("N"));
    private readonly HandClock _clock = new();

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Theory(DisplayName = "what was protected comes back, whatever its length, and looks different every time")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(100_000)]
    public void RoundTrip(int length)
    {
        byte[] plain = RandomNumberGenerator.GetBytes(length);
        Protector protector = NewProtector("a");
        byte[] once = protector.Protect(plain);
        byte[] again = protector.Protect(plain);
        Assert.Equal(plain, protector.Unprotect(once));
        Assert.Equal(plain, protector.Unprotect(again));
        Assert.NotEqual(once, again);
    }

    [Fact(DisplayName = "a change of any byte, or any cut, is refused")]
    public void Tampering()
    {
        Protector protector = NewProtector("a");
        byte[] payload = protector.Protect(s_plain);
        for (int i = 0; i < payload.Length; i++)
        {
            byte[] changed = [.. payload];
            changed[i] ^= 1;
            Assert.Throws<CryptographicException>(() => protector.Unprotect(changed));
            Assert.Throws<CryptographicException>(() => protector.Unprotect(payload[..i]));
        }

        Assert.Throws<CryptographicException>(() => protector.Unprotect([.. payload, 0]));
    }

    [Fact(DisplayName = "what was protected for one list of purposes is refused for another")]
    public void Purposes()
    {
        byte[] payload = NewProtector("a", "b").Protect(s_plain);
        Assert.Equal(s_plain, NewProtector("a", "b").Unprotect(payload));
        foreach (string[] other in new string[][] { ["ab"], ["b", "a"], ["a"], ["a", "b", ""], [] })
        {
            Assert.Throws<CryptographicException>(() => NewProtector(other).Unprotect(payload));
        }
    }

    [Fact(DisplayName = "the keys survive a restart: a new ring over the folder unprotects and makes no new key")]
    public void Restart()
    {
        byte[] payload = NewProtector("a").Protect(s_plain);
        Assert.Equal(s_plain, NewProtector("a").Unprotect(payload));
        NewProtector("a").Protect(s_plain);
        Assert.Single(KeyFiles());
    }

    [Fact(DisplayName = "several processes that start at once agree on one key")]
    public async Task Concurrency()
    {
        byte[][] payloads = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => NewProtector("a").Protect(s_plain))));
        Assert.Single(KeyFiles());
        Protector one = NewProtector("a");
        Assert.All(payloads, payload => Assert.Equal(s_plain, one.Unprotect(payload)));
    }

    [Fact(DisplayName = "after 90 days a new key protects, the old one still unprotects, and a running neighbour knows both")]
    public void Rotation()
    {
        Protector neighbour = NewProtector("a");
        byte[] old = neighbour.Protect(s_plain);
        _clock.Now += KeyRing.Lifetime - TimeSpan.FromSeconds(1);
        neighbour.Protect(s_plain);
        Assert.Single(KeyFiles());

        _clock.Now += TimeSpan.FromSeconds(1);
        Protector rotated = NewProtector("a");
        byte[] young = rotated.Protect(s_plain);
        Assert.Equal(2, KeyFiles().Length);
        Assert.Equal(s_plain, rotated.Unprotect(old));
        Assert.Equal(s_plain, neighbour.Unprotect(young));
        neighbour.Protect(s_plain);
        Assert.Equal(2, KeyFiles().Length);
    }

    [Fact(DisplayName = "key files are their owner's alone, and so is a folder that had to be made")]
    public void Modes()
    {
        NewProtector("a").Protect(s_plain);
        Assert.All(Directory.GetFiles(_folder), static path => Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path)));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder));
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
    }

    [Fact(DisplayName = "a broken key file is left out; the others go on")]
    public void BrokenFile()
    {
        byte[] payload = NewProtector("a").Protect(s_plain);
        string whole = File.ReadAllText(KeyFiles()[0]);
        for (int length = 0; length < whole.Length - 1; length += 13)
        {
            File.WriteAllText(Path.Combine(_folder, $"broken{length}.key"), whole[..length]);
        }

        Assert.Equal(s_plain, NewProtector("a").Unprotect(payload));
        Assert.Equal(s_plain, NewProtector("a").Unprotect(NewProtector("a").Protect(s_plain)));
    }

    [Fact(DisplayName = "without a folder, or with one that cannot be made, keys live in memory after one warning")]
    public void InMemory()
    {
        File.WriteAllText(_folder, "in the way");
        try
        {
            foreach (string? folder in new[] { null, _folder, Path.Combine(_folder, "below") })
            {
                int before = Warnings(folder);
                var protector = new Protector(new KeyRing(folder, _clock), ["a"]);
                Assert.Equal(s_plain, protector.Unprotect(protector.Protect(s_plain)));
                protector.Protect(s_plain);
                Assert.Equal(before + 1, Warnings(folder));
                Assert.Throws<CryptographicException>(() => new Protector(new KeyRing(folder, _clock), ["a"])
                    .Unprotect(protector.Protect(s_plain)));
            }
        }
        finally
        {
            File.Delete(_folder);
        }

        static int Warnings(string? folder) => FakeBoundary.Log.Count(record =>
            record.Level == LogLevel.Warning && record.Text.Contains($"cannot be kept in '{folder}'"));
    }

    [Fact(DisplayName = "the provider has the type that Katana looks for, and making a protector touches no file")]
    public void Provider()
    {
        Func<string[], Tuple<Func<byte[], byte[]>, Func<byte[], byte[]>>> provider = DataProtectionProvider.Create(_folder);
        (Func<byte[], byte[]> protect, Func<byte[], byte[]> unprotect) = provider(["a"]);
        Assert.False(Directory.Exists(_folder));
        Assert.Equal(s_plain, unprotect(protect(s_plain)));
        Assert.Throws<ArgumentNullException>(() => provider(null!));
        Assert.Throws<ArgumentNullException>(() => protect(null!));
        Assert.Throws<ArgumentNullException>(() => unprotect(null!));
    }

    private Protector NewProtector(params string[] purposes) => new(new KeyRing(_folder, _clock), purposes);

    private string[] KeyFiles() => Directory.GetFiles(_folder, "*.key");

    private sealed class HandClock : TimeProvider
    {
        internal DateTimeOffset Now { get; set; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
