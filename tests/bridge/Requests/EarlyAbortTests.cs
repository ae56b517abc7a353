// Aborts that come before their request, or after it. start() may wait for a collection while on_abort does not.

using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

public class EarlyAbortTests
{
    [Fact(DisplayName = "an abort that comes before start() cancels the token from the start")]
    public void AbortBeforeStart()
    {
        bool? cancelled = null;
        using var request = new FakeRequest(environment =>
        {
            cancelled = Token(environment).IsCancellationRequested;
            return Task.CompletedTask;
        });

        Assert.Equal(Status.Closed, request.Abort(AbortReason.Disconnected));
        request.Start();

        Assert.True(cancelled);
    }

    [Theory(DisplayName = "an abort that was meant for another request of the slot does not cancel this one")]
    [InlineData(-1)]
    [InlineData(1)]
    public unsafe void AbortOfAnother(int generations)
    {
        bool? cancelled = null;
        using var request = new FakeRequest(environment =>
        {
            cancelled = Token(environment).IsCancellationRequested;
            return Task.CompletedTask;
        });

        int entered = 0;
        ulong other = request.Token + ((ulong)(long)generations << 32);
        Assert.Equal(Status.Closed, FakeBoundary.Managed->OnAbort(other, AbortReason.Timeout, EnterFlags.None, &entered));
        request.Start();

        Assert.Equal(1, entered);
        Assert.False(cancelled);
    }

    [Fact(DisplayName = "an abort that meets start() is never lost")]
    public async Task AbortMeetsStart()
    {
        for (int i = 0; i < 2000; i++)
        {
            using var request = new FakeRequest(environment =>
            {
                var source = new TaskCompletionSource();
                Token(environment).Register(source.SetResult);
                return source.Task;
            });
            using var together = new Barrier(2);
            Task abort = Task.Run(() =>
            {
                together.SignalAndWait();
                request.Abort(AbortReason.Disconnected);
            });
            together.SignalAndWait();
            request.Start();
            await abort;

            // Nothing but the token ends this application.
            await request.Completed;
        }
    }

    private static CancellationToken Token(IDictionary<string, object> environment) =>
        (CancellationToken)environment["owin.CallCancelled"];
}
