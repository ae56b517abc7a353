// The rules of header dictionaries (OWIN 1.0.1 §3.3): mutable, keys of tokens that compare in any case, arrays without
// nulls, values of one line.

using System;
using System.Collections.Generic;

namespace Owind.Validation;

internal static class HeaderRules
{
    private const string Section = "OWIN 1.0.1 §3.3";
    private const string Delimiters = "\"(),/:;<=>?@[\\]{}";

    /// <summary>Adds what is wrong with the dictionary.</summary>
    internal static void Check(string key, IDictionary<string, string[]?> headers, List<Violation> found)
    {
        if (headers.IsReadOnly)
        {
            found.Add(new Violation(Section, key, "must be mutable; it is read-only."));
        }

        bool casing = false;
        foreach (KeyValuePair<string, string[]?> header in headers)
        {
            if (!IsToken(header.Key))
            {
                found.Add(new Violation(Section, key, $"has a name that is no token: '{Shown(header.Key)}'."));
                continue;
            }

            if (!casing && !headers.ContainsKey(SwapCase(header.Key)))
            {
                casing = true;
                found.Add(new Violation(Section, key,
                    $"must compare its keys in any case (StringComparer.OrdinalIgnoreCase); '{SwapCase(header.Key)}' is not found where '{header.Key}' is."));
            }

            CheckValues(key, header.Key, header.Value, found);
        }
    }

    /// <summary>Whether a name has only the characters that the name of a header, or a method, may have (RFC 9110 §5.6.2).
    /// </summary>
    internal static bool IsToken(string name)
    {
        foreach (char character in name)
        {
            if (character is <= ' ' or >= '\x7f' || Delimiters.Contains(character))
            {
                return false;
            }
        }

        return name.Length > 0;
    }

    /// <summary>A visitor's text, short and on one line.</summary>
    internal static string Shown(string text)
    {
        Span<char> shown = stackalloc char[Math.Min(text.Length, 64)];
        for (int i = 0; i < shown.Length; i++)
        {
            shown[i] = text[i] is >= ' ' and < '\x7f' ? text[i] : '?';
        }

        return shown.ToString();
    }

    private static void CheckValues(string key, string name, string[]? values, List<Violation> found)
    {
        if (values == null)
        {
            found.Add(new Violation(Section, key, $"['{name}'] is null; remove the header instead."));
            return;
        }

        foreach (string? value in values)
        {
            if (value == null)
            {
                found.Add(new Violation(Section, key, $"['{name}'] has a null among its values."));
            }
            else if (value.AsSpan().ContainsAny('\r', '\n', '\0'))
            {
                found.Add(new Violation(Section, key, $"['{name}'] has CR, LF or NUL in a value: '{Shown(value)}'."));
            }
        }
    }

    private static string SwapCase(string text) => string.Create(text.Length, text, static (target, source) =>
    {
        for (int i = 0; i < target.Length; i++)
        {
            target[i] = char.IsUpper(source[i]) ? char.ToLowerInvariant(source[i]) : char.ToUpperInvariant(source[i]);
        }
    });
}
