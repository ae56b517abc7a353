// Finds the managed request of a token, for the calls that come after start(), and keeps it reachable until it is
// complete: an application may hold nothing but a Task that nobody else refers to. Indexed as tokens are made,
// generation (32 bits) | shard (8) | slot (24); the native side gives out small slots first, so the chunks that
// exist are dense. Adding and removing take no lock; growing does.
// An abort may come before its request is here: start() was entered, and waits for a collection that on_abort does
// not wait for. It is kept with the slot until start() adds the request. One that comes late, for a request that is
// over, is kept as well, and never asked for: no later token is the same.

using System;
using System.Threading;
using Owind.Boundary;

namespace Owind.Requests;

internal static class RequestTable
{
    private const int ChunkBits = 8;
    private const int ChunkSize = 1 << ChunkBits;
    private const int MaxShards = 256;

    private static readonly Lock s_growing = new();
    private static readonly Entry[]?[]?[] s_shards = new Entry[]?[]?[MaxShards];

    // A struct around the reference, so that storing one needs no check of the array's type.
    private struct Entry
    {
        internal BridgeRequest? Request;
        internal ulong AbortedToken;
        internal AbortReason AbortReason;
    }

    /// <summary>Makes the request known. Its token must not be in use.</summary>
    /// <returns>Why it was aborted before; None: it was not.</returns>
    internal static AbortReason Add(BridgeRequest request)
    {
        ref Entry entry = ref EntryFor(request.Token, grow: true)[SlotInChunk(request.Token)];

        // A full fence between storing and looking, as in FindOrKeepAbort: of the two, one sees the other.
        Interlocked.Exchange(ref entry.Request, request);
        return Volatile.Read(ref entry.AbortedToken) == request.Token ? entry.AbortReason : AbortReason.None;
    }

    /// <summary>The request with this token; null, and then Add will tell of the abort if the request is yet to
    /// come. One call a token: aborts come once.</summary>
    internal static BridgeRequest? FindOrKeepAbort(ulong token, AbortReason reason)
    {
        if (Find(token) is { } request)
        {
            return request;
        }

        ref Entry entry = ref EntryFor(token, grow: true)[SlotInChunk(token)];
        entry.AbortReason = reason;
        Interlocked.Exchange(ref entry.AbortedToken, token);
        return Find(token);
    }

    /// <summary>The request with this token, or null: it is complete, or never existed.</summary>
    internal static BridgeRequest? Find(ulong token)
    {
        Entry[] chunk = EntryFor(token, grow: false);
        if (chunk.Length == 0)
        {
            return null;
        }

        BridgeRequest? request = Volatile.Read(ref chunk[SlotInChunk(token)].Request);
        return request?.Token == token ? request : null;
    }

    /// <summary>Forgets the request, unless its slot is already another's.</summary>
    internal static void Remove(BridgeRequest request)
    {
        Entry[] chunk = EntryFor(request.Token, grow: false);
        if (chunk.Length != 0)
        {
            Interlocked.CompareExchange(ref chunk[SlotInChunk(request.Token)].Request, null, request);
        }
    }

    private static int Shard(ulong token) => (int)(token >> 24) & (MaxShards - 1);

    private static int Chunk(ulong token) => (int)(token & 0xffffff) >> ChunkBits;

    private static int SlotInChunk(ulong token) => (int)token & (ChunkSize - 1);

    private static Entry[] EntryFor(ulong token, bool grow)
    {
        Entry[]?[]? chunks = Volatile.Read(ref s_shards[Shard(token)]);
        int index = Chunk(token);
        if (chunks != null && index < chunks.Length && Volatile.Read(ref chunks[index]) is { } chunk)
        {
            return chunk;
        }

        return grow ? Grow(token) : [];
    }

    private static Entry[] Grow(ulong token)
    {
        lock (s_growing)
        {
            ref Entry[]?[]? shard = ref s_shards[Shard(token)];
            Entry[]?[] chunks = shard ?? [];
            int index = Chunk(token);
            if (index >= chunks.Length)
            {
                // Readers may go on with the old directory: it leads to the same chunks.
                Array.Resize(ref chunks, Math.Max(index + 1, chunks.Length * 2));
                Volatile.Write(ref shard, chunks);
            }

            Entry[] chunk = chunks[index] ?? new Entry[ChunkSize];
            Volatile.Write(ref chunks[index], chunk);
            return chunk;
        }
    }
}
