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

    [Fact(DisplayName = "a young key in the folder is used without the lock, which a folder for reading only does not give")]
    public void ReadOnlyFolder()
    {
        byte[] payload = NewProtector("a").Protect(s_plain);
        LockCannotBeOpened();
        Protector other = NewProtector("a");
        Assert.Equal(s_plain, other.Unprotect(payload));
        other.Protect(s_plain);
        Assert.Single(KeyFiles());
        Assert.Empty(Warnings());

        File.Delete(LockFile);
        NewProtector("a").Protect(s_plain);
        Assert.False(File.Exists(LockFile));
    }

    [Theory(DisplayName = "a key that is too old and cannot be replaced goes on protecting, and is tried again after a minute")]
    [InlineData(false)]
    [InlineData(true)]
    public void FailedRenewal(bool restarted)
    {
        Protector protector = NewProtector("a");
        byte[] first = protector.Protect(s_plain);
        LockCannotBeOpened();
        _clock.Now += KeyRing.Lifetime;
        if (restarted)
        {
            protector = NewProtector("a");
        }

        AssertSameKey(first, protector.Protect(s_plain));
        string warning = Assert.Single(Warnings());
        Assert.Contains("the newest key is older than 90 days and cannot be replaced: ", warning);

        // It could be replaced now, and is not looked at before the minute is over.
        File.Delete(LockFile);
        _clock.Now += KeyRing.RenewalPause - TimeSpan.FromTicks(1);
        AssertSameKey(first, protector.Protect(s_plain));
        LockCannotBeOpened();
        _clock.Now += TimeSpan.FromTicks(1);
        AssertSameKey(first, protector.Protect(s_plain));
        Assert.Single(Warnings());
        Assert.Single(KeyFiles());

        File.Delete(LockFile);
        _clock.Now += KeyRing.RenewalPause;
        byte[] young = protector.Protect(s_plain);
        Assert.Equal(2, KeyFiles().Length);
        Assert.NotEqual(first[4..20], young[4..20]);
        Assert.Equal(s_plain, protector.Unprotect(first));
        Assert.Equal(s_plain, NewProtector("a").Unprotect(young));
    }

    [Fact(DisplayName = "only a lock that somebody holds is waited for")]
    public void Waiting()
    {
        PrivateFile.CreateFolder(_folder);
        using (PrivateFile.Open(LockFile, FileMode.OpenOrCreate))
        {
            Assert.True(KeyRing.IsHeldByAnother(OpenLock()));
        }

        LockCannotBeOpened();
        Assert.False(KeyRing.IsHeldByAnother(OpenLock()));

        IOException OpenLock() => Assert.Throws<IOException>(() => PrivateFile.Open(LockFile, FileMode.OpenOrCreate));
    }

    [Fact(DisplayName = "an old key gives way at once to one that another process has made meanwhile")]
    public void RenewedByAnother()
    {
        Protector reader = NewProtector("a");
        byte[] first = reader.Protect(s_plain);
        _clock.Now += KeyRing.Lifetime;
        byte[] young = NewProtector("a").Protect(s_plain);
        Assert.NotEqual(first[4..20], young[4..20]);
        LockCannotBeOpened();
        AssertSameKey(young, reader.Protect(s_plain));
        Assert.Empty(Warnings());
    }

    [Fact(DisplayName = "a key in memory is replaced after 90 days whatever the folder does")]
    public void RotationInMemory()
    {
        Directory.CreateDirectory(_folder);
        LockCannotBeOpened();
        Protector protector = NewProtector("a");
        byte[] first = protector.Protect(s_plain);
        _clock.Now += KeyRing.Lifetime;
        byte[] young = protector.Protect(s_plain);
        Assert.NotEqual(first[4..20], young[4..20]);
        Assert.Equal(s_plain, protector.Unprotect(first));
        Assert.Empty(KeyFiles());
        Assert.Contains("cannot be kept in", Assert.Single(Warnings()));
    }

    [Fact(DisplayName = "a key file that cannot be read is warned of once, however often it is named")]
    public void BrokenFileWarning()
    {
        byte[] payload = NewProtector("a").Protect(s_plain);
        string file = KeyFiles()[0];
        File.WriteAllText(file, "cut");
        Protector protector = NewProtector("a");
        for (int i = 0; i < 3; i++)
        {
            Assert.Throws<CryptographicException>(() => protector.Unprotect(payload));
            protector.Protect(s_plain);
        }

        Assert.Single(FakeBoundary.Log, record => record.Text.Contains("left out") && record.Text.Contains(file));
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

    private string LockFile => Path.Combine(_folder, "lock");

    // As on a file system for reading only: an error (here ELOOP) that is no sharing violation.
    private void LockCannotBeOpened()
    {
        File.Delete(LockFile);
        File.CreateSymbolicLink(LockFile, "lock");
    }

    private static void AssertSameKey(byte[] one, byte[] other) => Assert.Equal(one[4..20], other[4..20]);

    private string[] Warnings() =>
        [.. FakeBoundary.Log.Where(record => record.Level == LogLevel.Warning && record.Text.Contains(_folder))
            .Select(record => record.Text)];

    private string[] KeyFiles() => Directory.GetFiles(_folder, "*.key");

    private sealed class HandClock : TimeProvider
    {
        internal DateTimeOffset Now { get; set; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
