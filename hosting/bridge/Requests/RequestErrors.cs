// The exceptions that body streams and the response head throw at the application: one text each, saying what
// happened and what to do. Thrown by others; nothing here decides.

using System;
using System.IO;
using Owind.Boundary;

namespace Owind.Requests;

internal static class RequestErrors
{
    internal static ObjectDisposedException Over() => new(
        "body", "The request is over: its body can be used until the application's Task has ended.");

    internal static InvalidOperationException Concurrent(bool reading) => new(
        reading
            ? "Another read of the request body has not finished: await each one before the next."
            : "Another write to the response body has not finished: await each one before the next.");

    internal static InvalidOperationException BlockingRefused() => new(
        "This synchronous read, write or flush would have to wait, and waiting on this thread would stop other " +
        "requests (--dispatch inline). Use the asynchronous methods, or another --dispatch.");

    /// <summary>What a read throws for a status that is neither bytes nor the end, after so many bytes.</summary>
    internal static Exception Reading(Status status, BridgeRequest request, long received) => status switch
    {
        Status.Cut => Cut(received, request),
        Status.Aborted => Aborted("The request body cannot be read", request),
        Status.Closed => Over(),
        Status.Busy => Concurrent(reading: true),
        Status.Stalled => new IOException(
            "The rest of the request body will not come: the front end (nginx) stops sending it once it has the " +
            "response headers. Read the whole body before writing, or flushing, the response."),
        Status.Timeout => new IOException(
            "The request body cannot be read: the client sent nothing within the body timeout.",
            new TimeoutException()),
        _ => new IOException($"The request body cannot be read: the server answered {status}."),
    };

    /// <summary>What a write or flush throws for a status that is not OK. A write after the client has gone
    /// fails, as with Katana's own host, so that a loop which only writes comes to an end.</summary>
    internal static Exception Writing(Status status, BridgeRequest request) => status switch
    {
        Status.Aborted => Aborted("The response cannot be written", request),
        Status.Closed => Over(),
        Status.Busy => Concurrent(reading: false),
        Status.Timeout => new IOException(
            "The response cannot be written: the client took nothing within the write timeout.",
            new TimeoutException()),
        _ => new IOException($"The response cannot be written: the server answered {status}."),
    };

    internal static InvalidOperationException TooManyBytes(long attempted, long? declared) => new(
        declared is { } length
            ? $"Response Content-Length mismatch: too many bytes written ({attempted} of {length})."
            : $"Response Content-Length mismatch: too many bytes written ({attempted}).");

    internal static IOException Broken() => new(
        "The response is broken: a write was cancelled after part of its bytes had been sent.");

    internal static InvalidOperationException CallbackFailed() => new(
        "The response cannot be sent: an OnSendingHeaders callback threw an exception.");

    private static Exception Cut(long received, BridgeRequest request)
    {
        try
        {
            return new IOException($"The request body ended after {received} of {request.Block.GetContentLength()} bytes.");
        }
        catch (ObjectDisposedException exception)
        {
            return exception;
        }
    }

    private static IOException Aborted(string what, BridgeRequest request)
    {
        request.NotePeerGone();
        return new IOException(request.AbortReason switch
        {
            AbortReason.Timeout => what + ": the request has taken longer than the server allows.",
            AbortReason.Shutdown => what + ": the server is shutting down.",
            AbortReason.Failed => what + ": the request has failed.",
            _ => what + ": the client has disconnected.",
        });
    }
}
