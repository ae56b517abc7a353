// One entry of AppBuilder's list: which signature the next application must have, and how to put this
// middleware in front of it. Made by MiddlewarePattern.

using System;

namespace Owind.Builder;

internal sealed class Middleware
{
    private readonly object _middleware;
    private readonly object?[] _args;

    public Middleware(object middleware, object?[] args, Type signature, Func<object?, object?> wrap)
    {
        _middleware = middleware;
        _args = args;
        Signature = signature;
        Wrap = wrap;
    }

    /// <summary>What a complaint calls it.</summary>
    public string Name => MiddlewareName.Of(_middleware, _args);

    /// <summary>What <see cref="Wrap"/> takes, and what its result is converted to.</summary>
    public Type Signature { get; }

    /// <summary>From the next application to this one. Called once in each Build.</summary>
    public Func<object?, object?> Wrap { get; }
}
