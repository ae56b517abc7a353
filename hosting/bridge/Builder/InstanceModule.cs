// An addition to the rules of IAppBuilder.Use: an instance whose only fitting method is
// Task Invoke(IDictionary<string, object>) has no way to call on, so it is awaited and then the rest of the
// pipeline runs, if there is one: later middleware, or a builder.DefaultApp that somebody set. The implicit 404
// is no such rest. Without a rest the instance's method itself is the application.

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
    public static AppFunc Before(AppFunc module, AppFunc? rest) =>
        rest == null || ReferenceEquals(rest, AppBuilder.Answered)
            ? module
            : new InstanceModule(module, rest).Invoke;

    private Task Invoke(IDictionary<string, object> environment)
    {
        Task? first = _module(environment);
        if (first == null)
        {
            throw new InvalidOperationException(
                $"'{_module.Target?.GetType() ?? _module.Method.DeclaringType}.Invoke' returned null instead of a Task.");
        }

        return first.IsCompletedSuccessfully ? _rest(environment) : Await(first, environment);
    }

    private async Task Await(Task first, IDictionary<string, object> environment)
    {
        await first.ConfigureAwait(false);
        await _rest(environment).ConfigureAwait(false);
    }
}
