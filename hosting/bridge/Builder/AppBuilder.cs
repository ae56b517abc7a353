// The pipeline of an application while it is being put together: middleware in order, the shared start-up
// Properties, and the conversions between signatures. It knows no Owin.IAppBuilder: AppBuilderFactory puts the
// application's own interface in front of it. Everything reflective happens in Use and Build; the delegate that
// Build returns calls the application's own delegates and nothing of this class.
// Used by one thread at a time, during start-up.

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owind.Builder;
using Owind.Hosting;
using Owind.Validation;

namespace Owind;

using AppFunc = Func<IDictionary<string, object>, Task>;

/// <summary>The semantics of Owin.IAppBuilder without the interface.</summary>
public sealed class AppBuilder
{
    internal const string DefaultAppKey = "builder.DefaultApp";
    internal const string AddSignatureConversionKey = "builder.AddSignatureConversion";

    /// <summary>The implicit end of a pipeline: sets the status and writes nothing. What an awaited instance (see
    /// <see cref="InstanceModule"/>) has answered it leaves alone.</summary>
    internal static readonly AppFunc NotFound = static environment =>
    {
        if (!ResponseMark.IsAnswered(environment))
        {
            environment["owin.ResponseStatusCode"] = 404;
        }

        return Task.CompletedTask;
    };

    private readonly List<Middleware> _middleware = new();
    private readonly bool _isBranch;
    private readonly ConversionTable _conversions;

    /// <summary>A builder with Properties of its own.</summary>
    public AppBuilder()
        : this(new Dictionary<string, object>(StringComparer.Ordinal))
    {
    }

    /// <summary>
    /// A builder over the server's start-up Properties. Adds <c>builder.AddSignatureConversion</c>, and
    /// <c>builder.DefaultApp</c> unless it is there.
    /// </summary>
    public AppBuilder(IDictionary<string, object> properties)
    {
        ArgumentNullException.ThrowIfNull(properties);
        Properties = properties;
        _conversions = new ConversionTable();
        properties[AddSignatureConversionKey] = new Action<Delegate>(_conversions.Add);
        properties.TryAdd(DefaultAppKey, NotFound);
    }

    private AppBuilder(AppBuilder parent)
    {
        Properties = parent.Properties;
        _conversions = parent._conversions;
        _isBranch = true;
    }

    /// <summary>What server, host, middleware and application tell each other at start-up.</summary>
    public IDictionary<string, object> Properties { get; }

    internal ConversionTable Conversions => _conversions;

    /// <summary>What the first middleware is called; null: there is none.</summary>
    internal string? OutermostName => _middleware.Count == 0 ? null : _middleware[0].Name;

    /// <summary>Appends a middleware; the first one is the outermost.</summary>
    /// <exception cref="ArgumentNullException">The middleware is null.</exception>
    /// <exception cref="NotSupportedException">The object is no middleware of any kind.</exception>
    /// <exception cref="MissingMethodException">A Type without a constructor for (next, args…).</exception>
    public AppBuilder Use(object middleware, params object?[]? args)
    {
        _middleware.Add(MiddlewarePattern.Match(middleware, args ?? Array.Empty<object?>()));
        return this;
    }

    /// <summary>A builder with the same Properties and conversions and an empty list of middleware.</summary>
    public AppBuilder New() => new(this);

    /// <summary>
    /// Chains the middleware around <c>builder.DefaultApp</c>, from the last to the first, and gives the
    /// result as an instance of <paramref name="returnType"/>; null when a middleware gave null.
    /// What a middleware throws while it is set up arrives as TargetInvocationException.
    /// </summary>
    /// <exception cref="ArgumentException">Two neighbours have signatures without a conversion.</exception>
    public object? Build(Type returnType)
    {
        ArgumentNullException.ThrowIfNull(returnType);
        if (!Properties.TryGetValue(DefaultAppKey, out object? app))
        {
            app = NotFound;
        }

        bool validates = Properties.ContainsKey(StartupProperties.Validate);
        string name = DefaultAppKey;
        for (int i = _middleware.Count - 1; i >= 0; i--)
        {
            Middleware middleware = _middleware[i];
            object? next = _conversions.Convert(middleware.Signature, app);
            if (validates)
            {
                next = WithCheckpoint(middleware.Name, name, middleware.Signature, next);
                name = middleware.Name;
            }

            app = middleware.Wrap(next);
            app = _conversions.Convert(middleware.Signature, app);
        }

        app = _conversions.Convert(returnType, app);
        return validates && _isBranch ? WithCheckpoint(null, name, returnType, app) : app;
    }

    /// <summary>The application behind a checkpoint, or as it is where its signature is not for requests.</summary>
    private object? WithCheckpoint(string? caller, string callee, Type signature, object? app)
    {
        // The implicit end is compared by reference, and breaks no rule.
        if (app == null || ReferenceEquals(app, NotFound))
        {
            return app;
        }

        try
        {
            var request = (AppFunc)_conversions.Convert(typeof(AppFunc), app)!;
            return _conversions.Convert(signature, Checkpoint.Before(caller, callee, request));
        }
        catch (ArgumentException)
        {
            return app;
        }
    }
}
