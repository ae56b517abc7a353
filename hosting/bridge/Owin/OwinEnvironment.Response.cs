// The request's side that faces the server: how the application is called, what becomes of the values that it left
// in the environment when the response head is built (OWIN 1.0.1 §3.2.2, §6), and server.OnSendingHeaders
// (CommonKeys §6).

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading.Tasks;
using Owind.Requests;
using Owind.Boundary;
using Owind.Validation;

namespace Owind.Hosting;

internal sealed unsafe partial class OwinEnvironment
{
    private const string ContentLength = "Content-Length";

    private sealed record SendingCallback(Action<object?> Callback, object? State, SendingCallback? Before);

    internal override long? DeclaredContentLength
    {
        get
        {
            string? value = GetOrNull(KeyId.ResponseHeaders) switch
            {
                ResponseHeaders own => own.First(ContentLength),
                IDictionary<string, string[]> other
                    when other.TryGetValue(ContentLength, out string[]? values) && values is [var first, ..] => first,
                _ => null,
            };
            return long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long length)
                ? length
                : null;
        }
    }

    /// <summary>The path, for messages.</summary>
    internal override string Describe()
    {
        try
        {
            return string.Concat(GetOrNull(KeyId.RequestPathBase) as string, GetOrNull(KeyId.RequestPath) as string);
        }
        catch (ObjectDisposedException)
        {
            return "a request that is over";
        }
    }

    /// <summary>Runs the callbacks, last to first, each once; one that registers another is too late.</summary>
    internal override void OnSendingHead()
    {
        while (_callbacks is { } last)
        {
            _callbacks = last.Before;
            last.Callback(last.State);
        }
    }

    /// <summary>With the validator the developer is told.</summary>
    internal override void OnBodyClosed(bool isRequestBody)
    {
        if (_others == null || !_others.TryGetValue(RequestTrail.Key, out object? value) || value is not RequestTrail trail)
        {
            return;
        }

        var violation = isRequestBody
            ? new Violation("OWIN 1.0.1 §3.4", EnvironmentKeys.RequestBody, "should not be closed: its owner does that.")
            : new Violation("OWIN 1.0.1 §3.5", EnvironmentKeys.ResponseBody, "should not be closed: its owner does that.");
        if (trail.IsNew(violation))
        {
            Log.Write(LogLevel.Warning, OwinRuleException.Describe(trail.Current, [violation]), Token);
        }
    }

    private protected override Task? Invoke() => _application.App(this!);

    private protected override void WriteHead(ref HeadWriter writer, HeadFlags flags)
    {
        writer.Begin(StatusOf(GetOrNull(KeyId.ResponseStatusCode)), ReasonOf(GetOrNull(KeyId.ResponseReasonPhrase)), flags);
        switch (GetOrNull(KeyId.ResponseHeaders))
        {
            case null:
                break;
            case ResponseHeaders own:
                own.WriteTo(ref writer);
                break;
            case IDictionary<string, string[]?> replaced:
                WriteFields(ref writer, replaced);
                break;
            case var other:
                throw new InvalidOperationException(
                    $"{EnvironmentKeys.ResponseHeaders} must be an IDictionary<string, string[]>; it is a {other.GetType()}.");
        }
    }

    private protected override Exception NoTask() => new InvalidOperationException(
        $"The application '{_application.AppName}' returned null instead of a Task (OWIN 1.0.1 §3.1).");

    private protected override byte[]? ErrorPage(Exception exception) =>
        _application.Development || exception is OwinRuleException ? DevelopmentPage.Render(exception, this) : null;

    private protected override void WriteErrorHead(ref HeadWriter writer, int pageBytes)
    {
        writer.Begin(500, null, HeadFlags.None);
        writer.Add("Content-Type", DevelopmentPage.ContentType);
        writer.Add(ContentLength, pageBytes.ToString(CultureInfo.InvariantCulture));
        writer.Add("Cache-Control", "no-store");
    }

    private static void WriteFields(ref HeadWriter writer, IDictionary<string, string[]?> headers)
    {
        foreach (KeyValuePair<string, string[]?> header in headers)
        {
            foreach (string? value in header.Value ?? [])
            {
                writer.Add(header.Key, value ?? string.Empty);
            }
        }
    }

    private static int StatusOf(object? value)
    {
        int status = value switch
        {
            null => 200,
            int number => number,
            Enum name => Convert.ToInt32(name, CultureInfo.InvariantCulture),
            _ => throw new InvalidOperationException(
                $"{EnvironmentKeys.ResponseStatusCode} must be an int; it is a {value.GetType()}."),
        };
        if (status == 0)
        {
            return 200;
        }

        if (status is 100 or < 100 or > 999)
        {
            throw new ArgumentOutOfRangeException(
                EnvironmentKeys.ResponseStatusCode, status, "A response status is between 101 and 999 (OWIN 1.0.1 §3.4).");
        }

        return status;
    }

    private static string? ReasonOf(object? value) => value switch
    {
        null => null,
        string reason => reason,
        _ => throw new InvalidOperationException(
            $"{EnvironmentKeys.ResponseReasonPhrase} must be a string; it is a {value.GetType()}."),
    };

    private void RegisterOnSendingHeaders(Action<object?> callback, object? state)
    {
        ArgumentNullException.ThrowIfNull(callback);
        if (ResponseHasStarted)
        {
            throw new InvalidOperationException(
                "Cannot register for 'OnSendingHeaders' event after response headers have been sent.");
        }

        _callbacks = new SendingCallback(callback, state, _callbacks);
    }

    private void DisableResponseBuffering() => Unbuffered = true;

    /// <summary>As Katana's SystemWeb host: what makes intermediaries compress, or wait, is taken away.</summary>
    private void DisableResponseCompression()
    {
        if (GetOrNull(KeyId.RequestHeaders) is IDictionary<string, string[]> request)
        {
            request.Remove("Accept-Encoding");
        }

        if (!ResponseHasStarted && GetOrNull(KeyId.ResponseHeaders) is IDictionary<string, string[]> response)
        {
            response["Cache-Control"] = ["no-cache"];
            response["Connection"] = ["keep-alive"];
        }
    }
}
