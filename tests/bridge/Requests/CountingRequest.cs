// Runs many requests on this thread with a native half that allocates nothing, so that what is measured is the
// bridge.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Hosting;

namespace Owind.Tests.Requests;

internal sealed unsafe class CountingRequest : IDisposable
{
    private readonly RequestBlock* _block;
    private ulong _next = FakeBoundary.CountingToken;

    internal CountingRequest(Func<IDictionary<string, object>, Task> app)
    {
        Application = new OwinApplication(
            app, StartupProperties.Create(new SettingsText().Parse(), CancellationToken.None, static _ => { }));
        t_completed = 0;
        _block = (RequestBlock*)NativeMemory.AllocZeroed((nuint)sizeof(RequestBlock));
        _block->Size = (uint)sizeof(RequestBlock);
    }

    [field: ThreadStatic]
    internal static OwinApplication? Application { get; private set; }

    [ThreadStatic]
    private static int t_completed;

    internal int Completed => t_completed;

    internal static void OnComplete(Outcome outcome) => t_completed += outcome == Outcome.Completed ? 1 : 0;

    internal void Run(int requests)
    {
        int entered = 0;
        for (int i = 0; i < requests; i++)
        {
            // A shard of its own beside those of FakeRequest; one request at a time uses one slot.
            _next += 1UL << 32;
            FakeBoundary.Managed->Start(_next | (7u << 24), _block, EnterFlags.None, &entered);
        }
    }

    public void Dispose() => NativeMemory.Free(_block);
}
