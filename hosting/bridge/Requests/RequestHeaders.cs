// The request headers as they lie in the request block. A header becomes strings when it is asked for; asking for
// one that is not there costs no memory. Enumerating or changing copies all of them into a dictionary first.
// A repeated field is an array of as many elements, in the order of arrival; nothing is split or joined here.

using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Threading;

namespace Owind.Requests;

internal sealed class RequestHeaders : HeaderDictionary
{
    private readonly BridgeRequest _request;

    // The value strings made so far, by field.
    private string?[]? _values;
    private Dictionary<string, string[]>? _copy;

    internal RequestHeaders(BridgeRequest request) => _request = request;

    public override int Count => Materialise().Count;

    public override bool ContainsKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Volatile.Read(ref _copy) is { } copy ? copy.ContainsKey(key) : Next(key, 0) >= 0;
    }

    public override bool TryGetValue(string key, [MaybeNullWhen(false)] out string[] value)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (Volatile.Read(ref _copy) is { } copy)
        {
            bool found = copy.TryGetValue(key, out string[]? values);
            value = found ? [.. values!] : null;
            return found;
        }

        int first = Next(key, 0);
        value = first < 0 ? null : Collect(key, first);
        return value != null;
    }

    public override bool Remove(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Materialise().Remove(key);
    }

    public override void Clear() => Materialise().Clear();

    private protected override void Set(string key, string[] values) => Materialise()[key] = [.. values];

    private protected override KeyValuePair<string, string[]>[] Snapshot()
    {
        Dictionary<string, string[]> all = Materialise();
        var pairs = new KeyValuePair<string, string[]>[all.Count];
        int i = 0;
        foreach (KeyValuePair<string, string[]> pair in all)
        {
            pairs[i++] = new KeyValuePair<string, string[]>(pair.Key, [.. pair.Value]);
        }

        return pairs;
    }

    /// <summary>The first field from <paramref name="from"/> on that has this name, or -1.</summary>
    private int Next(string key, int from)
    {
        ref readonly BlockReader block = ref _request.Block;
        for (int i = from; i < block.FieldCount; i++)
        {
            if (block.FieldNameEquals(i, key))
            {
                return i;
            }
        }

        return -1;
    }

    private string[] Collect(string key, int first)
    {
        int second = Next(key, first + 1);
        if (second < 0)
        {
            return [Value(first)];
        }

        var values = new List<string> { Value(first) };
        for (int i = second; i >= 0; i = Next(key, i + 1))
        {
            values.Add(Value(i));
        }

        return [.. values];
    }

    private string Value(int field)
    {
        ref readonly BlockReader block = ref _request.Block;
        string?[] values = _values ??= new string?[block.FieldCount];
        return values[field] ??= block.FieldValue(field, cached: true);
    }

    private Dictionary<string, string[]> Materialise()
    {
        if (Volatile.Read(ref _copy) is { } made)
        {
            return made;
        }

        ref readonly BlockReader block = ref _request.Block;
        var copy = new Dictionary<string, string[]>(block.FieldCount, StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < block.FieldCount; i++)
        {
            string name = block.FieldName(i);
            string value = Value(i);
            copy[name] = copy.TryGetValue(name, out string[]? before) ? [.. before, value] : [value];
        }

        return Interlocked.CompareExchange(ref _copy, copy, null) ?? copy;
    }
}
