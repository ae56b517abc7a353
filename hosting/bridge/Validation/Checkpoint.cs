// Stands between two parts of a pipeline (`owind serve --validate`): checks the environment that the one hands over and
// the response that the other leaves, and throws at whoever broke a rule; the request then ends with a 500 that shows
// the rule. What comes to light when the head is sent already is a line in the log. The first one of a request, next
// to the server, also checks the head when it is sent, and the length of the body.

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Hosting;

namespace Owind.Validation;

using AppFunc = Func<IDictionary<string, object>, Task>;

internal sealed class Checkpoint
{
    /// <summary>Who calls the first one of a pipeline.</summary>
    internal const string Server = "the server";

    private readonly string? _caller;
    private readonly string _callee;
    private readonly AppFunc _next;

    private Checkpoint(string? caller, string callee, AppFunc next)
    {
        _caller = caller;
        _callee = callee;
        _next = next;
    }

    /// <param name="caller">Who hands over; null: whoever is at work then (a branch).</param>
    /// <param name="callee">The name of <paramref name="next"/>.</param>
    internal static AppFunc Before(string? caller, string callee, AppFunc next) =>
        new Checkpoint(caller, callee, next).Invoke!;

    private Task Invoke(IDictionary<string, object?>? environment)
    {
        var found = new List<Violation>();
        EnvironmentRules.CheckOnTheWayIn(environment, found);
        if (environment == null)
        {
            throw new OwinRuleException(_caller ?? _callee, found);
        }

        RequestTrail trail = RequestTrail.Of(environment, out bool isFirst);
        Report(_caller ?? trail.Current, found, environment, trail);
        trail.Enter(_callee);
        if (isFirst)
        {
            WatchHead(environment, trail);
        }

        Task? task = _next(environment!);
        if (task == null || task.Status == TaskStatus.Created)
        {
            found.Add(new Violation("OWIN 1.0.1 §3.1", "the application", task == null
                ? "must return a Task; it returned null."
                : "must return a Task that is running; this one was never started and cannot end."));
            throw new OwinRuleException(_callee, found);
        }

        if (!task.IsCompletedSuccessfully)
        {
            return Await(task, environment, trail, isFirst);
        }

        CheckOut(environment, trail, isFirst);
        return task;
    }

    private async Task Await(Task task, IDictionary<string, object?> environment, RequestTrail trail, bool isFirst)
    {
        await task.ConfigureAwait(false);
        CheckOut(environment, trail, isFirst);
    }

    private void CheckOut(IDictionary<string, object?> environment, RequestTrail trail, bool isFirst)
    {
        var found = new List<Violation>();
        EnvironmentRules.CheckOnTheWayOut(environment, found);
        if (isFirst && environment is OwinEnvironment { HeadSent: true, ResponseBodyIfMade: { } body } request)
        {
            ResponseRules.CheckBody(
                environment, body.Written, request.DeclaredContentLength, (request.Flags & RequestFlags.Head) != 0, found);
        }

        trail.Leave(_callee);
        Report(_callee, found, environment, trail);
    }

    // Registered first, so it runs last: it sees what the other callbacks have made of the head.
    private static void WatchHead(IDictionary<string, object?> environment, RequestTrail trail)
    {
        if (environment.TryGetValue(EnvironmentKeys.OnSendingHeaders, out object? value)
            && value is Action<Action<object?>, object?> register)
        {
            register(_ =>
            {
                var found = new List<Violation>();
                EnvironmentRules.CheckOnTheWayOut(environment, found);
                if (found.Count > 0)
                {
                    throw new OwinRuleException(trail.Current, found);
                }
            }, null);
        }
    }

    private static void Report(
        string culprit, List<Violation> found, IDictionary<string, object?> environment, RequestTrail trail)
    {
        // Whoever comes later finds the same again.
        found.RemoveAll(violation => !trail.IsNew(violation));
        if (found.Count == 0)
        {
            return;
        }

        if (environment is OwinEnvironment { HeadSent: true } request)
        {
            Log.Write(LogLevel.Error, OwinRuleException.Describe(culprit, found), request.Token);
            found.Clear();
            return;
        }

        throw new OwinRuleException(culprit, found);
    }
}
