// Who is at work on a request: the names of the middleware that has been called and has not returned, outermost first.
// Lies in the environment, so that a complaint which comes out of a stream or a callback can name somebody.

using System.Collections.Generic;

namespace Owind.Validation;

internal sealed class RequestTrail
{
    internal const string Key = "owind.Validation";

    private readonly List<string> _names = [];
    private readonly HashSet<Violation> _reported = [];

    /// <summary>The innermost one.</summary>
    internal string Current
    {
        get
        {
            lock (_names)
            {
                return _names.Count == 0 ? Checkpoint.Server : _names[^1];
            }
        }
    }

    /// <summary>The trail of an environment, made if there is none.</summary>
    internal static RequestTrail Of(IDictionary<string, object?> environment, out bool isNew)
    {
        isNew = !environment.TryGetValue(Key, out object? value) || value is not RequestTrail;
        if (!isNew)
        {
            return (RequestTrail)value!;
        }

        var trail = new RequestTrail();
        environment[Key] = trail;
        return trail;
    }

    /// <summary>Whether nobody has been told of it in this request.</summary>
    internal bool IsNew(Violation violation)
    {
        lock (_names)
        {
            return _reported.Add(violation);
        }
    }

    internal void Enter(string name)
    {
        lock (_names)
        {
            _names.Add(name);
        }
    }

    internal void Leave(string name)
    {
        lock (_names)
        {
            int index = _names.LastIndexOf(name);
            if (index >= 0)
            {
                _names.RemoveAt(index);
            }
        }
    }
}
