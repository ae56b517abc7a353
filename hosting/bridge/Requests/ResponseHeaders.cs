// The response headers that the application fills: few, so an ordered list that is searched. A single value is
// kept as the string and an array as a copy, so that later changes to the caller's array do not count (OWIN 1.0.1
// §3.3). Each element leaves as a line of its own; Set-Cookie is never joined. Once the head is sent, changes
// throw and say which header and path, for that is what is looked for in a log.

using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Owind.Requests;

internal sealed class ResponseHeaders : HeaderDictionary
{
    private const int InlineEntries = 4;

    private readonly BridgeRequest _request;
    private Entries _inline;
    private Entry[]? _spilled;
    private int _count;

    internal ResponseHeaders(BridgeRequest request) => _request = request;

    private struct Entry
    {
        internal string Name;

        /// <summary>A string, or a string[] of two or more.</summary>
        internal object Values;
    }

    [InlineArray(InlineEntries)]
    private struct Entries
    {
        private Entry _first;
    }

    public override int Count => _count;

    /// <summary>How often a header was set or removed.</summary>
    internal int Changes { get; private set; }

    private Span<Entry> All => _spilled == null ? ((Span<Entry>)_inline)[.._count] : _spilled.AsSpan(0, _count);

    public override bool ContainsKey(string key) => IndexOf(key) >= 0;

    public override bool TryGetValue(string key, [MaybeNullWhen(false)] out string[] value)
    {
        int index = IndexOf(key);
        value = index >= 0 ? Copy(All[index].Values) : null;
        return index >= 0;
    }

    public override bool Remove(string key)
    {
        int index = IndexOf(key);
        CheckNotSent(key, "removed");
        if (index < 0)
        {
            return false;
        }

        Span<Entry> all = All;
        all[(index + 1)..].CopyTo(all[index..]);
        all[^1] = default;
        _count--;
        Changes++;
        return true;
    }

    public override void Clear()
    {
        CheckNotSent("*", "removed");
        Changes++;
        All.Clear();
        _count = 0;
    }

    /// <summary>The first value of a header, without a copy; null: there is none.</summary>
    internal string? First(string key)
    {
        int index = IndexOf(key);
        return index < 0 ? null : All[index].Values as string ?? ((string[])All[index].Values)[0];
    }

    /// <summary>Writes every line in the order in which the headers were first set.</summary>
    internal void WriteTo(ref HeadWriter writer)
    {
        foreach (ref readonly Entry entry in All)
        {
            if (entry.Values is string one)
            {
                writer.Add(entry.Name, one);
                continue;
            }

            foreach (string value in (string[])entry.Values)
            {
                writer.Add(entry.Name, value);
            }
        }
    }

    private protected override void Set(string key, string[] values)
    {
        CheckNotSent(key, "set");
        Changes++;
        object kept = values.Length == 1 ? values[0] ?? string.Empty : CopyOf(values);
        int index = IndexOf(key);
        if (index >= 0)
        {
            All[index].Values = kept;
            return;
        }

        if (_count == (_spilled?.Length ?? InlineEntries))
        {
            Spill();
        }

        _count++;
        All[^1] = new Entry { Name = key, Values = kept };
    }

    private protected override KeyValuePair<string, string[]>[] Snapshot()
    {
        var pairs = new KeyValuePair<string, string[]>[_count];
        for (int i = 0; i < pairs.Length; i++)
        {
            ref readonly Entry entry = ref All[i];
            pairs[i] = new KeyValuePair<string, string[]>(entry.Name, Copy(entry.Values));
        }

        return pairs;
    }

    private static string[] Copy(object values) => values is string one ? [one] : [.. (string[])values];

    private static string[] CopyOf(string[] values)
    {
        var copy = new string[values.Length];
        for (int i = 0; i < copy.Length; i++)
        {
            copy[i] = values[i] ?? string.Empty;
        }

        return copy;
    }

    private int IndexOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        Span<Entry> all = All;
        for (int i = 0; i < all.Length; i++)
        {
            string name = all[i].Name;
            if (ReferenceEquals(name, key) ||
                (name.Length == key.Length && name.Equals(key, StringComparison.OrdinalIgnoreCase)))
            {
                return i;
            }
        }

        return -1;
    }

    private void Spill()
    {
        var larger = new Entry[_count * 2];
        All.CopyTo(larger);
        _spilled = larger;
        ((Span<Entry>)_inline).Clear();
    }

    private void CheckNotSent(string key, string change)
    {
        if (_request.HeadSent)
        {
            throw new InvalidOperationException(
                $"The response header '{key}' cannot be {change}: the headers of the response to " +
                $"'{_request.Describe()}' have been sent already.");
        }
    }
}
