// The rules of the environment (OWIN 1.0.1 §3.2 to §3.6, §5, §7; CommonKeys for server.*, host.* and ssl.*): which keys
// must be there, of which type, and what their values may be. Says nothing of what a visitor sent, only of how it is
// handed over.

using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using System.Security.Principal;
using System.Threading;
using System.Threading.Tasks;
using Owind.Hosting;

namespace Owind.Validation;

internal static class EnvironmentRules
{
    private const string Dictionary = "OWIN 1.0.1 §3.2";
    private const string Request = "OWIN 1.0.1 §3.2.1";
    private const string Response = "OWIN 1.0.1 §3.2.2";
    private const string Other = "OWIN 1.0.1 §3.2.3";
    private const string Common = "CommonKeys §6";

    // Optional keys: absent, null or of that type.
    private static readonly (string Section, string Key, Type Type)[] s_optional =
    [
        (Request, EnvironmentKeys.RequestId, typeof(string)),
        (Request, EnvironmentKeys.RequestUser, typeof(ClaimsPrincipal)),
        (Response, EnvironmentKeys.ResponseProtocol, typeof(string)),
        (Common, EnvironmentKeys.OnSendingHeaders, typeof(Action<Action<object>, object>)),
        (Common, EnvironmentKeys.RemoteIpAddress, typeof(string)),
        (Common, EnvironmentKeys.RemotePort, typeof(string)),
        (Common, EnvironmentKeys.LocalIpAddress, typeof(string)),
        (Common, EnvironmentKeys.LocalPort, typeof(string)),
        (Common, EnvironmentKeys.IsLocal, typeof(bool)),
        (Common, EnvironmentKeys.Capabilities, typeof(IDictionary<string, object>)),
        (Common, EnvironmentKeys.ClientCertificate, typeof(X509Certificate)),
        ("CommonKeys §4", EnvironmentKeys.TraceOutput, typeof(TextWriter)),
        ("CommonKeys §4", EnvironmentKeys.OnDispose, typeof(CancellationToken)),
        ("Katana", EnvironmentKeys.OnAppDisposing, typeof(CancellationToken)),
        ("Katana", EnvironmentKeys.AppName, typeof(string)),
        ("Katana", EnvironmentKeys.AppMode, typeof(string)),
        ("Katana", EnvironmentKeys.User, typeof(IPrincipal)),
        ("Katana", EnvironmentKeys.LoadClientCertAsync, typeof(Func<Task>)),
        ("Katana", EnvironmentKeys.ClientCertificateErrors, typeof(Exception)),
        ("Katana", EnvironmentKeys.DisableRequestBuffering, typeof(Action)),
        ("Katana", EnvironmentKeys.DisableResponseBuffering, typeof(Action)),
        ("SendFile 0.3.0", EnvironmentKeys.SendFileAsync, typeof(Func<string, long, long?, CancellationToken, Task>)),
    ];

    /// <summary>What an application may rely on when it is called.</summary>
    internal static void CheckOnTheWayIn(IDictionary<string, object?>? environment, List<Violation> found)
    {
        if (environment == null)
        {
            found.Add(new Violation(Dictionary, "the environment", "must not be null."));
            return;
        }

        CheckEverywhere(environment, found);
        CheckRequest(environment, found);
    }

    /// <summary>What the server may rely on when the head is sent, or when the application has ended without one.</summary>
    internal static void CheckOnTheWayOut(IDictionary<string, object?> environment, List<Violation> found)
    {
        CheckEverywhere(environment, found);
        ResponseRules.Check(environment, found);
    }

    /// <summary>The value if it is there and has the type; else a violation.</summary>
    internal static T? Required<T>(
        IDictionary<string, object?> environment, string section, string key, List<Violation> found)
        where T : class
    {
        if (!environment.TryGetValue(key, out object? value))
        {
            found.Add(new Violation(section, key, "is required; it is not there."));
            return null;
        }

        if (value is T typed)
        {
            return typed;
        }

        found.Add(new Violation(section, key, value == null
            ? "must not be null."
            : $"must be {Name(typeof(T))}; it is {Name(value.GetType())}."));
        return null;
    }

    /// <summary>A type as one writes it.</summary>
    internal static string Name(Type type) => type switch
    {
        _ when type == typeof(string) => "a string",
        _ when type == typeof(int) => "an int",
        _ when type == typeof(bool) => "a bool",
        _ when type == typeof(IDictionary<string, string[]>) => "an IDictionary<string, string[]>",
        _ when type == typeof(IDictionary<string, object>) => "an IDictionary<string, object>",
        _ => $"a {type}",
    };

    private static void CheckEverywhere(IDictionary<string, object?> environment, List<Violation> found)
    {
        if (environment.IsReadOnly)
        {
            found.Add(new Violation(Dictionary, "the environment", "must be mutable; it is read-only."));
        }

        if (environment.ContainsKey("OWIN.REQUESTMETHOD"))
        {
            found.Add(new Violation(
                Dictionary, "the environment", "must compare its keys with their case (StringComparer.Ordinal)."));
        }

        Required<string>(environment, "OWIN 1.0.1 §7", EnvironmentKeys.Version, found);
        if (!environment.TryGetValue(EnvironmentKeys.CallCancelled, out object? token) || token is not CancellationToken)
        {
            found.Add(new Violation(Other, EnvironmentKeys.CallCancelled, token == null
                ? "is required; it is not there."
                : $"must be a CancellationToken; it is {Name(token.GetType())}."));
        }

        if (Required<Stream>(environment, Request, EnvironmentKeys.RequestBody, found) is { CanRead: false })
        {
            found.Add(new Violation("OWIN 1.0.1 §3.4", EnvironmentKeys.RequestBody, "cannot be read."));
        }

        if (Required<Stream>(environment, Response, EnvironmentKeys.ResponseBody, found) is { CanWrite: false })
        {
            found.Add(new Violation("OWIN 1.0.1 §3.5", EnvironmentKeys.ResponseBody, "cannot be written."));
        }

        CheckHeaders(environment, Request, EnvironmentKeys.RequestHeaders, found);
        CheckHeaders(environment, Response, EnvironmentKeys.ResponseHeaders, found);
        foreach ((string section, string key, Type type) in s_optional)
        {
            if (environment.TryGetValue(key, out object? value) && value != null && !type.IsInstanceOfType(value))
            {
                found.Add(new Violation(section, key, $"must be {Name(type)}; it is {Name(value.GetType())}."));
            }
        }
    }

    private static void CheckRequest(IDictionary<string, object?> environment, List<Violation> found)
    {
        if (Required<string>(environment, Request, EnvironmentKeys.RequestMethod, found) is { } method
            && !HeaderRules.IsToken(method))
        {
            found.Add(new Violation(Request, EnvironmentKeys.RequestMethod, $"is no method: '{HeaderRules.Shown(method)}'."));
        }

        CheckNotEmpty(environment, "OWIN 1.0.1 §5.1", EnvironmentKeys.RequestScheme, found);
        CheckNotEmpty(environment, Request, EnvironmentKeys.RequestProtocol, found);
        Required<string>(environment, Request, EnvironmentKeys.RequestQueryString, found);
        CheckPath(environment, found);
        if (environment.TryGetValue(EnvironmentKeys.RequestHeaders, out object? value)
            && value is IDictionary<string, string[]?> headers
            && (!headers.TryGetValue("Host", out string[]? host) || host is not { Length: > 0 }))
        {
            found.Add(new Violation("OWIN 1.0.1 §5.2", EnvironmentKeys.RequestHeaders, "must have a Host."));
        }
    }

    private static void CheckPath(IDictionary<string, object?> environment, List<Violation> found)
    {
        const string section = "OWIN 1.0.1 §5.3";
        string? pathBase = Required<string>(environment, Request, EnvironmentKeys.RequestPathBase, found);
        string? path = Required<string>(environment, Request, EnvironmentKeys.RequestPath, found);
        if (pathBase is { Length: > 0 } && (pathBase[0] != '/' || pathBase[^1] == '/'))
        {
            found.Add(new Violation(section, EnvironmentKeys.RequestPathBase,
                $"must be empty, or start with a slash and not end with one; it is '{HeaderRules.Shown(pathBase)}'."));
        }

        if (path is { Length: > 0 } && path[0] != '/')
        {
            found.Add(new Violation(section, EnvironmentKeys.RequestPath,
                $"must start with a slash; it is '{HeaderRules.Shown(path)}'."));
        }

        if (path is { Length: 0 } && string.IsNullOrEmpty(pathBase))
        {
            found.Add(new Violation(section, EnvironmentKeys.RequestPath, "may be empty only with an owin.RequestPathBase."));
        }
    }

    private static void CheckNotEmpty(
        IDictionary<string, object?> environment, string section, string key, List<Violation> found)
    {
        if (Required<string>(environment, section, key, found) is { Length: 0 })
        {
            found.Add(new Violation(section, key, "must not be empty."));
        }
    }

    private static void CheckHeaders(
        IDictionary<string, object?> environment, string section, string key, List<Violation> found)
    {
        if (Required<IDictionary<string, string[]>>(environment, section, key, found) is { } headers)
        {
            HeaderRules.Check(key, headers!, found);
        }
    }
}
