// What request and response headers have in common as dictionaries (OWIN 1.0.1 §3.3): keys compare ignoring case,
// arrays are copies, null or no values remove. Where the values live is the subclasses'.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;

namespace Owind.Requests;

internal abstract class HeaderDictionary : IDictionary<string, string[]>
{
    public abstract int Count { get; }

    public bool IsReadOnly => false;

    public ICollection<string> Keys
    {
        get
        {
            var keys = new List<string>(Count);
            foreach (KeyValuePair<string, string[]> pair in Snapshot())
            {
                keys.Add(pair.Key);
            }

            return keys;
        }
    }

    public ICollection<string[]> Values
    {
        get
        {
            var values = new List<string[]>(Count);
            foreach (KeyValuePair<string, string[]> pair in Snapshot())
            {
                values.Add(pair.Value);
            }

            return values;
        }
    }

    /// <summary>Getting: a copy of the values; KeyNotFoundException when there are none. Setting: replaces;
    /// null or an empty array removes.</summary>
    public string[] this[string key]
    {
        get => TryGetValue(key, out string[]? values)
            ? values
            : throw new KeyNotFoundException($"The header '{key}' is not present.");
        set
        {
            ArgumentNullException.ThrowIfNull(key);
            if (value == null || value.Length == 0)
            {
                Remove(key);
            }
            else
            {
                Set(key, value);
            }
        }
    }

    public abstract bool ContainsKey(string key);

    public abstract bool TryGetValue(string key, [MaybeNullWhen(false)] out string[] value);

    public abstract bool Remove(string key);

    public abstract void Clear();

    /// <exception cref="ArgumentException">The header is there already.</exception>
    public void Add(string key, string[] value)
    {
        if (ContainsKey(key))
        {
            throw new ArgumentException($"The key '{key}' is already present in the dictionary.", nameof(key));
        }

        this[key] = value;
    }

    void ICollection<KeyValuePair<string, string[]>>.Add(KeyValuePair<string, string[]> item) =>
        Add(item.Key, item.Value);

    bool ICollection<KeyValuePair<string, string[]>>.Contains(KeyValuePair<string, string[]> item) => Has(item);

    bool ICollection<KeyValuePair<string, string[]>>.Remove(KeyValuePair<string, string[]> item) =>
        Has(item) && Remove(item.Key);

    public void CopyTo(KeyValuePair<string, string[]>[] array, int arrayIndex) =>
        Snapshot().CopyTo(array, arrayIndex);

    public IEnumerator<KeyValuePair<string, string[]>> GetEnumerator() =>
        ((IEnumerable<KeyValuePair<string, string[]>>)Snapshot()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Replaces the values of a header by at least one.</summary>
    private protected abstract void Set(string key, string[] values);

    /// <summary>All headers as they are now; enumerating it is not disturbed by changes.</summary>
    private protected abstract KeyValuePair<string, string[]>[] Snapshot();

    private bool Has(KeyValuePair<string, string[]> item) =>
        TryGetValue(item.Key, out string[]? values) && item.Value.AsSpan().SequenceEqual(values);
}
