// One entry of AppBuilder's list: which signature the next application must have, and how to put this
// middleware in front of it. Made by MiddlewarePattern.

using System;

namespace Owind.Builder;

internal sealed class Middleware
{
    public Middleware(Type signature, Func<object?, object?> wrap)
    {
        Signature = signature;
        Wrap = wrap;
    }

    /// <summary>What <see cref="Wrap"/> takes, and what its result is converted to.</summary>
    public Type Signature { get; }

    /// <summary>From the next application to this one. Called once in each Build.</summary>
    public Func<object?, object?> Wrap { get; }
}
