// What one request leaves behind on a thread is not there for the next.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Security.Principal;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

public class ContextTests
{
    private static readonly AsyncLocal<string?> s_local = new();

    [Fact(DisplayName = "AsyncLocals, cultures, principal and SynchronizationContext of one call are not seen by the next on that thread")]
    public void NothingLeaks()
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() =>
        {
            string before = State();
            using FakeRequest first = new FakeRequest(Pollute).Start();
            Assert.Equal(before, State());
            string? inside = null;
            using FakeRequest second = new FakeRequest(_ =>
            {
                inside = State();
                return Task.CompletedTask;
            }).Start();
            Assert.Equal(before, inside);
            Assert.Equal(Outcome.Completed, first.Outcome);
        }));
        thread.UnsafeStart();
        thread.Join();
        Assert.Null(failure);
    }

    [Fact(DisplayName = "a continuation of on_ready has the context of its own request, and leaves none on the thread")]
    public void ContinuationsKeepTheirs()
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(() =>
        {
            string before = State();
            string? mine = null;
            using FakeRequest waiting = new FakeRequest(async environment =>
            {
                s_local.Value = "waiting";
                CultureInfo.CurrentCulture = new CultureInfo("de-AT");
                Assert.Equal(1, await ((Stream)environment["owin.RequestBody"]).ReadAsync(new byte[1]));
                mine = s_local.Value + CultureInfo.CurrentCulture.Name;
                s_local.Value = "after";
            }).Start();
            Assert.Equal(before, State());
            waiting.Arrive([1]);
            waiting.Ready(Ready.Read);
            Assert.Equal("waitingde-AT", mine);
            Assert.Equal(before, State());
        }));
        thread.UnsafeStart();
        thread.Join();
        Assert.Null(failure);
    }

    private static Task Pollute(IDictionary<string, object> environment)
    {
        s_local.Value = "dirt";
        CultureInfo.CurrentCulture = new CultureInfo("fr-FR");
        CultureInfo.CurrentUICulture = new CultureInfo("fr-FR");
        Thread.CurrentPrincipal = new GenericPrincipal(new GenericIdentity("mallory"), null);
        environment["server.User"] = new GenericPrincipal(new GenericIdentity("mallory"), null);
        SynchronizationContext.SetSynchronizationContext(new SynchronizationContext());
        ExecutionContext.SuppressFlow();
        return Task.CompletedTask;
    }

    private static string State() =>
        $"{s_local.Value}|{CultureInfo.CurrentCulture.Name}|{CultureInfo.CurrentUICulture.Name}|" +
        $"{Thread.CurrentPrincipal?.Identity?.Name}|{SynchronizationContext.Current}|{ExecutionContext.IsFlowSuppressed()}";
}
