// The keys of the data protection: the newest one protects, all of them unprotect. Lives in a folder that several
// processes may share: a key is made under a lock file, appears by a rename, and is found by its name in every
// process. When the folder cannot be written the newest key in it goes on protecting, however old, and where there is
// none a key lives in memory; both after one warning. Thread-safe.

using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Owind.Boundary;

namespace Owind.DataProtection;

internal sealed class KeyRing
{
    /// <summary>How long a key protects, as with ASP.NET Core. It unprotects for ever.</summary>
    internal static readonly TimeSpan Lifetime = TimeSpan.FromDays(90);

    /// <summary>How long an old key that could not be replaced protects before the next try.</summary>
    internal static readonly TimeSpan RenewalPause = TimeSpan.FromMinutes(1);

    // EAGAIN, which is also EWOULDBLOCK: what .NET says of a file that another process has open with FileShare.None.
    private const int SharingViolation = 11;

    // Making a key takes milliseconds; whoever holds the lock for longer is not making one.
    private static readonly TimeSpan s_lockPatience = TimeSpan.FromSeconds(5);

    private readonly string? _folder;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<Guid, ProtectionKey> _known = new();
    private readonly ConcurrentDictionary<string, bool> _leftOut = new();
    private Choice? _current;
    private ProtectionKey? _inMemory;
    private bool _warned;

    internal KeyRing(string? folder, TimeProvider time)
    {
        _folder = folder;
        _time = time;
    }

    /// <summary>A key, and until when it protects without another look.</summary>
    private sealed record Choice(ProtectionKey Key, DateTimeOffset From, DateTimeOffset To);

    /// <summary>The key to protect with: not older than <see cref="Lifetime"/> whenever that can be had.</summary>
    internal ProtectionKey Current
    {
        get
        {
            Choice? current = Volatile.Read(ref _current);
            if (current != null && Holds(current))
            {
                return current.Key;
            }

            lock (_lock)
            {
                current = _current;
                if (current == null || !Holds(current))
                {
                    current = Choose(Renew());
                    Volatile.Write(ref _current, current);
                }

                return current.Key;
            }
        }
    }

    /// <summary>The key of that name, also one that another process has just made; null: there is none.</summary>
    internal ProtectionKey? Find(Guid id)
    {
        if (_known.TryGetValue(id, out ProtectionKey? key))
        {
            return key;
        }

        string? path = _folder == null ? null : ProtectionKey.PathOf(_folder, id);
        return path != null && File.Exists(path) ? Load(path) : null;
    }

    private bool IsFresh(ProtectionKey key) => _time.GetUtcNow() - key.Created < Lifetime;

    // Also a clock that was set back ends a pause.
    private bool Holds(Choice choice)
    {
        DateTimeOffset now = _time.GetUtcNow();
        return now < choice.To && (now >= choice.From || IsFresh(choice.Key));
    }

    private Choice Choose(ProtectionKey key)
    {
        DateTimeOffset now = _time.GetUtcNow();
        return new Choice(key, now, IsFresh(key) ? key.Created + Lifetime : now + RenewalPause);
    }

    private ProtectionKey Renew()
    {
        if (_folder == null)
        {
            WarnOfMemory("no folder is configured");
            return MakeInMemory();
        }

        // Before the lock: one that is there needs nothing that can be refused.
        if (NewestOrNull(_folder) is { } found && IsFresh(found))
        {
            return found;
        }

        try
        {
            PrivateFile.CreateFolder(_folder);
            using FileStream? held = TryHoldLock(_folder);
            ProtectionKey renewed = Newest(_folder) is { } newest && IsFresh(newest) ? newest : Make(_folder);
            _warned = false;
            return renewed;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // An old key that others know too is better than a new one that dies with this process.
            if ((NewestOrNull(_folder) ?? _current?.Key) is { } old && old != _inMemory)
            {
                if (!IsFresh(old))
                {
                    Warn(
                        $"data protection: the newest key is older than {Lifetime.Days} days and cannot be replaced: " +
                        $"{exception.Message.TrimEnd('.')}. It goes on protecting. Let this process, or another one with the same keys, " +
                        $"write to '{_folder}'.");
                }

                return old;
            }

            WarnOfMemory(exception.Message);
            return MakeInMemory();
        }
    }

    private ProtectionKey MakeInMemory() => _inMemory = Remember(ProtectionKey.Create(_time.GetUtcNow()));

    private ProtectionKey Make(string folder)
    {
        ProtectionKey key = ProtectionKey.Create(_time.GetUtcNow());
        key.Write(folder);
        return Remember(key);
    }

    private ProtectionKey? NewestOrNull(string folder)
    {
        try
        {
            return Newest(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private ProtectionKey? Newest(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder, "*" + ProtectionKey.Extension))
        {
            Load(path);
        }

        return _known.Values.MaxBy(static key => key.Created);
    }

    private ProtectionKey? Load(string path)
    {
        try
        {
            return Remember(ProtectionKey.Read(path));
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            // Once a file: it is met again at every renewal, and whenever a visitor names it.
            if (_leftOut.TryAdd(path, true))
            {
                Log.Write(LogLevel.Warning, $"a data protection key cannot be read and is left out: {exception.Message}");
            }

            return null;
        }
    }

    private ProtectionKey Remember(ProtectionKey key) => _known.GetOrAdd(key.Id, key);

    /// <summary>Opening the lock failed because somebody has it, and for no other reason.</summary>
    internal static bool IsHeldByAnother(IOException exception) => exception.HResult == SharingViolation;

    /// <summary>The lock, or null when another process keeps it too long: two new keys are better than none.</summary>
    private static FileStream? TryHoldLock(string folder)
    {
        string path = Path.Combine(folder, "lock");
        long began = Stopwatch.GetTimestamp();
        for (;;)
        {
            try
            {
                return PrivateFile.Open(path, FileMode.OpenOrCreate);
            }
            catch (IOException exception) when (IsHeldByAnother(exception))
            {
                if (Stopwatch.GetElapsedTime(began) > s_lockPatience)
                {
                    return null;
                }

                Thread.Sleep(5);
            }
        }
    }

    private void WarnOfMemory(string why) => Warn(
        $"data protection keys cannot be kept in '{_folder}' ({why}): cookies and tokens of this process will not " +
        "be valid after a restart, nor in other processes. Name a folder that can be written with --data-protection.");

    private void Warn(string text)
    {
        if (!_warned)
        {
            _warned = true;
            Log.Write(LogLevel.Warning, text);
        }
    }
}
