// The keys of the data protection: the newest one protects, all of them unprotect. Lives in a folder that several
// processes may share: a key is made under a lock file, appears by a rename, and is found by its name in every
// process. When the folder cannot be written the key lives in memory, after one warning. Thread-safe.

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

    // Making a key takes milliseconds; whoever holds the lock for longer is not making one.
    private static readonly TimeSpan s_lockPatience = TimeSpan.FromSeconds(5);

    private readonly string? _folder;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<Guid, ProtectionKey> _known = new();
    private ProtectionKey? _current;
    private bool _warned;

    internal KeyRing(string? folder, TimeProvider time)
    {
        _folder = folder;
        _time = time;
    }

    /// <summary>The key to protect with: not older than <see cref="Lifetime"/> whenever that can be had.</summary>
    internal ProtectionKey Current
    {
        get
        {
            ProtectionKey? current = Volatile.Read(ref _current);
            if (current != null && IsFresh(current))
            {
                return current;
            }

            lock (_lock)
            {
                current = _current;
                if (current == null || !IsFresh(current))
                {
                    current = Renew();
                    Volatile.Write(ref _current, current);
                }

                return current;
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

    private ProtectionKey Renew()
    {
        if (_folder == null)
        {
            Warn("no folder is configured");
            return Remember(ProtectionKey.Create(_time.GetUtcNow()));
        }

        try
        {
            PrivateFile.CreateFolder(_folder);
            using FileStream? held = TryHoldLock(_folder);
            return Newest(_folder) is { } newest && IsFresh(newest) ? newest : Make(_folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Warn(exception.Message);

            // An old key that others know too is better than a new one that dies with this process.
            return NewestOrNull(_folder) ?? _current ?? Remember(ProtectionKey.Create(_time.GetUtcNow()));
        }
    }

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
            Log.Write(LogLevel.Warning, $"a data protection key cannot be read and is left out: {exception.Message}");
            return null;
        }
    }

    private ProtectionKey Remember(ProtectionKey key) => _known.GetOrAdd(key.Id, key);

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
            catch (IOException exception) when (exception is not (FileNotFoundException or DirectoryNotFoundException))
            {
                if (Stopwatch.GetElapsedTime(began) > s_lockPatience)
                {
                    return null;
                }

                Thread.Sleep(5);
            }
        }
    }

    private void Warn(string why)
    {
        if (_warned)
        {
            return;
        }

        _warned = true;
        Log.Write(
            LogLevel.Warning,
            $"data protection keys cannot be kept in '{_folder}' ({why}): cookies and tokens of this process will not " +
            "be valid after a restart, nor in other processes. Name a folder that can be written with --data-protection.");
    }
}
