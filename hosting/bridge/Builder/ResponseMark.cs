// Whether an awaited instance (see InstanceModule) has answered: what the response looked like before it ran,
// compared with what it looks like afterwards. The answer is left in the environment for the end of the pipeline.

using System;
using System.Collections.Generic;
using System.IO;
using Owind.Hosting;
using Owind.Requests;

namespace Owind.Builder;

internal readonly struct ResponseMark
{
    /// <summary>In an environment: the response is somebody's already, so the end of the pipeline leaves it.</summary>
    internal const string AnsweredKey = "owind.Answered";

    private static readonly object s_true = true;

    private readonly object? _status;
    private readonly object? _reason;
    private readonly object? _headers;
    private readonly object? _body;
    private readonly int _changes;
    private readonly long _position;
    private readonly bool _started;

    private ResponseMark(IDictionary<string, object> environment)
    {
        _status = Get(environment, EnvironmentKeys.ResponseStatusCode);
        _reason = Get(environment, EnvironmentKeys.ResponseReasonPhrase);
        _headers = Get(environment, EnvironmentKeys.ResponseHeaders);
        _body = Get(environment, EnvironmentKeys.ResponseBody);
        _changes = _headers switch
        {
            ResponseHeaders own => own.Changes,
            ICollection<KeyValuePair<string, string[]>> other => other.Count,
            _ => 0,
        };
        _started = _body is ResponseBodyStream { HasStarted: true };
        _position = _body is ResponseBodyStream ? 0 : LengthOf(_body as Stream);
    }

    internal static ResponseMark Of(IDictionary<string, object> environment) => new(environment);

    /// <summary>Sets <see cref="AnsweredKey"/> if the response is not what it was, or has been begun.</summary>
    internal void NoteChanges(IDictionary<string, object> environment)
    {
        var now = new ResponseMark(environment);
        if (now._started || now._changes != _changes || now._position != _position
            || !Equals(now._status, _status) || !Equals(now._reason, _reason)
            || !ReferenceEquals(now._headers, _headers) || !ReferenceEquals(now._body, _body))
        {
            environment[AnsweredKey] = s_true;
        }
    }

    /// <summary>Whether an awaited instance has answered this request.</summary>
    internal static bool IsAnswered(IDictionary<string, object> environment) =>
        environment.ContainsKey(AnsweredKey);

    private static object? Get(IDictionary<string, object> environment, string key) =>
        environment.TryGetValue(key, out object? value) ? value : null;

    // Of a stream that middleware put in the place of the body to collect it.
    private static long LengthOf(Stream? stream)
    {
        try
        {
            return stream is { CanSeek: true } ? stream.Length : 0;
        }
        catch (Exception exception) when (exception is IOException or NotSupportedException or ObjectDisposedException)
        {
            return 0;
        }
    }
}
