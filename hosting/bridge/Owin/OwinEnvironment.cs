// The OWIN environment of one request (OWIN 1.0.1 §3.2) and the request itself in one object. Values of known keys
// are made from the request block, or of the server's own parts, when they are first asked for; a value that was
// set stands in its place from then on, and a real dictionary exists only for keys that the server does not know.
// Like any dictionary not for concurrent writers; concurrent readers may at worst make a value twice.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Security.Claims;
using System.Security.Principal;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Requests;

namespace Owind.Hosting;

internal sealed unsafe partial class OwinEnvironment : BridgeRequest, IDictionary<string, object?>
{
    /// <summary>owin.Version: what every Katana server says, also those of OWIN 1.0.1.</summary>
    internal const string Version = "1.0";

    private const int ColdCount = EnvironmentKeys.Count - EnvironmentKeys.HotCount;

    private static readonly object s_statusOk = 200;
    private static readonly object s_true = true;
    private static readonly object s_false = false;
    private static readonly Action s_nothing = static () => { };

    private readonly OwinApplication _application;

    // Bits by KeyId: the key is in the dictionary; its value has been made or set.
    private ulong _present;
    private ulong _made;
    private HotValues _hot;
    private object?[]? _cold;
    private Dictionary<string, object?>? _others;
    private SendingCallback? _callbacks;

    internal OwinEnvironment(OwinApplication application, ulong token, RequestBlock* block)
        : base(token, block)
    {
        _application = application;
        _present = application.AlwaysPresent | PresentInThis();
    }

    [InlineArray(EnvironmentKeys.HotCount)]
    private struct HotValues
    {
        private object? _first;
    }

    /// <summary>The keys, as bits, that are in the environment of every request to any application.</summary>
    internal static ulong PresentInAll { get; } =
        ((1UL << EnvironmentKeys.Count) - 1) &
        ~(Bit(KeyId.RequestUser) | Bit(KeyId.User) | Bit(KeyId.ResponseReasonPhrase) | Bit(KeyId.ResponseProtocol) |
          Bit(KeyId.AppMode) | Bit(KeyId.ClientCertificate) | Bit(KeyId.ClientCertificateErrors) |
          Bit(KeyId.LoadClientCertAsync) | Bit(KeyId.RawTarget) | Bit(KeyId.FastCgiRole));

    public int Count => BitOperations.PopCount(_present) + (_others?.Count ?? 0);

    public bool IsReadOnly => false;

    public ICollection<string> Keys => Array.ConvertAll(Snapshot(), static pair => pair.Key);

    public ICollection<object?> Values => Array.ConvertAll(Snapshot(), static pair => pair.Value);

    public object? this[string key]
    {
        get => TryGetValue(key, out object? value)
            ? value
            : throw new KeyNotFoundException($"The environment has no key '{key}'.");
        set
        {
            KeyId id = Find(key);
            if (id == KeyId.None)
            {
                (_others ??= new Dictionary<string, object?>(StringComparer.Ordinal))[key] = value;
            }
            else
            {
                Set(id, value);
            }
        }
    }

    internal static ulong Bit(KeyId id) => 1UL << (int)id;

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object? value)
    {
        KeyId id = Find(key);
        if (id == KeyId.None)
        {
            value = null;
            return _others != null && _others.TryGetValue(key, out value);
        }

        bool present = (_present & Bit(id)) != 0;
        value = present ? Get(id) : null;
        return present;
    }

    public bool ContainsKey(string key)
    {
        KeyId id = Find(key);
        return id == KeyId.None ? _others != null && _others.ContainsKey(key) : (_present & Bit(id)) != 0;
    }

    /// <exception cref="ArgumentException">The key is there already.</exception>
    public void Add(string key, object? value)
    {
        if (ContainsKey(key))
        {
            throw new ArgumentException(
                $"An item with the same key has already been added. Key: {key}", nameof(key));
        }

        this[key] = value;
    }

    public bool Remove(string key)
    {
        KeyId id = Find(key);
        if (id == KeyId.None)
        {
            return _others != null && _others.Remove(key);
        }

        bool present = (_present & Bit(id)) != 0;
        _present &= ~Bit(id);
        _made &= ~Bit(id);
        return present;
    }

    public void Clear()
    {
        _present = 0;
        _made = 0;
        _others = null;
    }

    void ICollection<KeyValuePair<string, object?>>.Add(KeyValuePair<string, object?> item) =>
        Add(item.Key, item.Value);

    bool ICollection<KeyValuePair<string, object?>>.Contains(KeyValuePair<string, object?> item) => Has(item);

    bool ICollection<KeyValuePair<string, object?>>.Remove(KeyValuePair<string, object?> item) =>
        Has(item) && Remove(item.Key);

    public void CopyTo(KeyValuePair<string, object?>[] array, int arrayIndex) => Snapshot().CopyTo(array, arrayIndex);

    /// <summary>Goes through the environment as it is now: changes on the way do not disturb it.</summary>
    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() =>
        ((IEnumerable<KeyValuePair<string, object?>>)Snapshot()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static KeyId Find(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return EnvironmentKeys.Find(key);
    }

    private ulong PresentInThis()
    {
        ref readonly BlockReader block = ref Block;
        ulong present = 0;
        if (block.Has(RequestSlot.RemoteUser))
        {
            present |= Bit(KeyId.User) | Bit(KeyId.RequestUser);
        }

        if (block.Has(RequestSlot.GatewayRole))
        {
            present |= Bit(KeyId.FastCgiRole);
        }

        if (block.Has(RequestSlot.RawTarget))
        {
            present |= Bit(KeyId.RawTarget);
        }

        if (block.LengthOf(RequestSlot.Scheme) == "https".Length)
        {
            present |= Bit(KeyId.LoadClientCertAsync);
            if (block.Has(RequestSlot.ClientCertificate))
            {
                present |= Bit(KeyId.ClientCertificate) | Bit(KeyId.ClientCertificateErrors);
            }
        }

        return present;
    }

    /// <summary>The value of a key that is present.</summary>
    private object? Get(KeyId id)
    {
        if ((_made & Bit(id)) != 0)
        {
            return (int)id < EnvironmentKeys.HotCount
                ? _hot[(int)id]
                : _cold![(int)id - EnvironmentKeys.HotCount];
        }

        return Make(id);
    }

    /// <summary>The value of a key, null if it was removed.</summary>
    private object? GetOrNull(KeyId id) => (_present & Bit(id)) != 0 ? Get(id) : null;

    private void Set(KeyId id, object? value)
    {
        Store(id, value);
        _present |= Bit(id);
        if (id == KeyId.User)
        {
            // As Katana's hosts do; it flows with this request's execution context and ends with it.
            Thread.CurrentPrincipal = value as IPrincipal;
        }
    }

    private object? Store(KeyId id, object? value)
    {
        if ((int)id < EnvironmentKeys.HotCount)
        {
            _hot[(int)id] = value;
        }
        else
        {
            (_cold ??= new object?[ColdCount])[(int)id - EnvironmentKeys.HotCount] = value;
        }

        _made |= Bit(id);
        return value;
    }

    private object? Make(KeyId id)
    {
        switch (id)
        {
            // The same for all requests: not worth a place in each.
            case KeyId.Version:
                return Version;
            case KeyId.ResponseStatusCode:
                return s_statusOk;
            case KeyId.IsLocal:
                return (Flags & RequestFlags.IsLocal) != 0 ? s_true : s_false;
            case KeyId.Capabilities:
                return _application.Capabilities;
            case KeyId.TraceOutput:
                return _application.TraceOutput;
            case KeyId.AppName:
                return _application.AppName;
            case KeyId.AppMode:
                return _application.AppMode;
            case KeyId.OnAppDisposing or KeyId.OnDispose:
                return _application.OnAppDisposing;
            case KeyId.DisableRequestBuffering:
                return s_nothing; // It is never buffered.

            default:
                return Store(id, MakeOwn(id));
        }
    }

    private object? MakeOwn(KeyId id)
    {
        switch (id)
        {
            case KeyId.RequestPath:
                return Block.GetString(RequestSlot.Path);
            case KeyId.RequestMethod:
                return Block.GetCachedString(RequestSlot.Method);
            case KeyId.RequestPathBase:
                return Block.GetCachedString(RequestSlot.PathBase);
            case KeyId.RequestQueryString:
                return Block.GetString(RequestSlot.QueryString);
            case KeyId.RequestScheme:
                return Block.GetCachedString(RequestSlot.Scheme);
            case KeyId.RequestProtocol:
                return Block.GetCachedString(RequestSlot.Protocol);
            case KeyId.RequestHeaders:
                return new RequestHeaders(this);
            case KeyId.RequestBody:
                return RequestBody;
            case KeyId.ResponseHeaders:
                return new ResponseHeaders(this);
            case KeyId.ResponseBody:
                return ResponseBody;
            case KeyId.CallCancelled:
                return Cancellation;
            case KeyId.RequestId:
                return Block.GetString(RequestSlot.RequestId) is { Length: > 0 } given ? given : Token.ToString("x16");
            case KeyId.RemoteIpAddress:
                return Block.GetCachedString(RequestSlot.RemoteIp);
            case KeyId.RemotePort:
                return Block.GetString(RequestSlot.RemotePort);
            case KeyId.LocalIpAddress:
                return Block.GetCachedString(RequestSlot.LocalIp);
            case KeyId.LocalPort:
                return Block.GetCachedString(RequestSlot.LocalPort);
            case KeyId.FastCgiRole:
                return Block.GetCachedString(RequestSlot.GatewayRole);
            case KeyId.User:
                return new GenericPrincipal(new GenericIdentity(Block.GetString(RequestSlot.RemoteUser)), null);
            case KeyId.RequestUser:
                return GetOrNull(KeyId.User) as ClaimsPrincipal;
            case KeyId.OnSendingHeaders:
                return new Action<Action<object?>, object?>(RegisterOnSendingHeaders);
            case KeyId.DisableResponseBuffering:
                return new Action(DisableResponseBuffering);
            case KeyId.DisableResponseCompression:
                return new Action(DisableResponseCompression);
            case KeyId.SendFileAsync:
                return new Func<string, long, long?, CancellationToken, Task>(new FileSender(ResponseBody).SendAsync);
            case KeyId.ClientCertificate:
                return ClientCertificate.FromPem(Block.GetString(RequestSlot.ClientCertificate), this);
            case KeyId.ClientCertificateErrors:
                return ClientCertificate.ErrorsOf(
                    Block.GetString(RequestSlot.ClientCertificate), Block.GetString(RequestSlot.ClientVerification));
            case KeyId.RawTarget:
                return Block.GetString(RequestSlot.RawTarget);
            case KeyId.LoadClientCertAsync:
                return ClientCertificate.Loaded;
            default:
                return null; // Keys that only the application sets.
        }
    }

    private KeyValuePair<string, object?>[] Snapshot()
    {
        var pairs = new KeyValuePair<string, object?>[Count];
        int next = 0;
        for (ulong left = _present; left != 0; left &= left - 1)
        {
            var id = (KeyId)BitOperations.TrailingZeroCount(left);
            pairs[next++] = new KeyValuePair<string, object?>(EnvironmentKeys.NameOf(id), Get(id));
        }

        if (_others != null)
        {
            ((ICollection<KeyValuePair<string, object?>>)_others).CopyTo(pairs, next);
        }

        return pairs;
    }

    private bool Has(KeyValuePair<string, object?> item) =>
        TryGetValue(item.Key, out object? value) && Equals(value, item.Value);
}
