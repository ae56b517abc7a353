// An addition to the rules of IAppBuilder.Use: an instance whose only fitting method is
// Task Invoke(IDictionary<string, object>) has no way to call on, so it is awaited and then the rest of the
// pipeline runs: later middleware, or a builder.DefaultApp that somebody set. At the very end there is no rest: the
// instance's method itself is the application, and no 404 follows. Elsewhere the implicit 404 is left out for the
// requests only that the instance has answered (see ResponseMark).

using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Owind.Builder;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed class InstanceModule
{
    private readonly AppFunc _module;
    private readonly AppFunc _rest;

    private InstanceModule(AppFunc module, AppFunc rest)
    {
        _module = module;
        _rest = rest;
    }

    /// <summary>The application that runs <paramref name="module"/> and then <paramref name="rest"/>.</summary>
    /// <param name="rest">Null, or the implicit end of the pipeline: there is none.</param>
    public static AppFunc Before(AppFunc module, AppFunc? rest) =>
        rest == null || ReferenceEquals(rest, AppBuilder.NotFound)
            ? module
            : new InstanceModule(module, rest).Invoke;

    private Task Invoke(IDictionary<string, object> environment)
    {
        ResponseMark before = ResponseMark.Of(environment);
        Task? first = _module(environment);
        if (first == null)
        {
            throw new InvalidOperationException(
                $"'{_module.Target?.GetType() ?? _module.Method.DeclaringType}.Invoke' returned null instead of a Task.");
        }

        if (!first.IsCompletedSuccessfully)
        {
            return Await(first, before, environment);
        }

        before.NoteChanges(environment);
        return _rest(environment);
    }

    private async Task Await(Task first, ResponseMark before, IDictionary<string, object> environment)
    {
        await first.ConfigureAwait(false);
        before.NoteChanges(environment);
        await _rest(environment).ConfigureAwait(false);
    }
}
