// The rules of what an application leaves for the head of the response (OWIN 1.0.1 §3.2.2, §3.4; RFC 9110 §8.6, §15).

using System;
using System.Collections.Generic;
using System.Globalization;
using Owind.Hosting;

namespace Owind.Validation;

internal static class ResponseRules
{
    private const string Response = "OWIN 1.0.1 §3.2.2";

    internal static void Check(IDictionary<string, object?> environment, List<Violation> found)
    {
        CheckStatus(environment, found);
        if (environment.TryGetValue(EnvironmentKeys.ResponseReasonPhrase, out object? reason) && reason != null)
        {
            if (reason is not string phrase)
            {
                found.Add(new Violation(Response, EnvironmentKeys.ResponseReasonPhrase,
                    $"must be a string; it is {EnvironmentRules.Name(reason.GetType())}."));
            }
            else if (phrase.AsSpan().ContainsAny('\r', '\n', '\0'))
            {
                found.Add(new Violation(Response, EnvironmentKeys.ResponseReasonPhrase, "has CR, LF or NUL."));
            }
        }

        if (environment.TryGetValue(EnvironmentKeys.ResponseHeaders, out object? value)
            && value is IDictionary<string, string[]?> headers)
        {
            CheckLength(headers, found);
        }
    }

    /// <summary>What was written, compared with what the head says. For the end of a request.</summary>
    /// <param name="written">Bytes of the body.</param>
    /// <param name="isHead">Whether the request was HEAD: then the head speaks of a body that is not sent.</param>
    internal static void CheckBody(
        IDictionary<string, object?> environment, long written, long? declared, bool isHead, List<Violation> found)
    {
        int status = environment.TryGetValue(EnvironmentKeys.ResponseStatusCode, out object? value) && value is int number
            ? number
            : 200;
        if (status is 204 or 304 or (>= 100 and < 200))
        {
            if (written > 0)
            {
                found.Add(new Violation("RFC 9110 §6.4.1", EnvironmentKeys.ResponseBody,
                    $"got {written} bytes, and a response with status {status} has no body."));
            }
        }
        else if (!isHead && declared is { } length && length != written)
        {
            found.Add(new Violation("RFC 9110 §8.6", EnvironmentKeys.ResponseBody,
                $"got {written} bytes, and Content-Length says {length}."));
        }
    }

    private static void CheckStatus(IDictionary<string, object?> environment, List<Violation> found)
    {
        const string key = EnvironmentKeys.ResponseStatusCode;
        if (!environment.TryGetValue(key, out object? value) || value == null)
        {
            return;
        }

        if (value is not int status)
        {
            found.Add(new Violation(Response, key, $"must be an int; it is {EnvironmentRules.Name(value.GetType())}."));
        }
        else if (status == 100)
        {
            found.Add(new Violation("OWIN 1.0.1 §3.4", key, "must not be 100: the server sends that itself."));
        }
        else if (status is < 100 or > 999)
        {
            found.Add(new Violation(Response, key, $"must have three digits; it is {status}."));
        }
    }

    private static void CheckLength(IDictionary<string, string[]?> headers, List<Violation> found)
    {
        if (!headers.TryGetValue("Content-Length", out string[]? values) || values is not { Length: > 0 })
        {
            return;
        }

        foreach (string? value in values)
        {
            if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                found.Add(new Violation("RFC 9110 §8.6", EnvironmentKeys.ResponseHeaders,
                    $"['Content-Length'] is no number of bytes: '{HeaderRules.Shown(value ?? string.Empty)}'."));
            }
        }

        if (values.Length > 1)
        {
            found.Add(new Violation("RFC 9110 §8.6", EnvironmentKeys.ResponseHeaders, "['Content-Length'] must have one value."));
        }
    }
}
