// The keys of the OWIN environment that the server knows (OWIN 1.0.1 §3.2, CommonKeys, Katana), in the order and
// with the names of middleware/owin_keys.cpp. Ids are indices into the environment's slots: the first
// EnvironmentKeys.HotCount of them have a place in every environment, the others in an array made when needed.

namespace Owind.Hosting;

/// <summary>Identifies a known key; <see cref="None"/>: any other.</summary>
internal enum KeyId
{
    None = -1,
    RequestPath = 0,
    ResponseHeaders = 1,
    ResponseBody = 2,
    RequestHeaders = 3,
    RequestMethod = 4,
    ResponseStatusCode = 5,
    RequestBody = 6,
    RequestPathBase = 7,
    RequestQueryString = 8,
    RequestScheme = 9,
    RequestProtocol = 10,
    CallCancelled = 11,
    Version = 12,
    RequestId = 13,
    RequestUser = 14,
    ResponseReasonPhrase = 15,
    ResponseProtocol = 16,
    OnSendingHeaders = 17,
    RemoteIpAddress = 18,
    RemotePort = 19,
    LocalIpAddress = 20,
    LocalPort = 21,
    IsLocal = 22,
    Capabilities = 23,
    User = 24,
    DisableRequestBuffering = 25,
    DisableResponseBuffering = 26,
    DisableResponseCompression = 27,
    OnDispose = 28,
    TraceOutput = 29,
    AppName = 30,
    AppMode = 31,
    OnAppDisposing = 32,
    ClientCertificate = 33,
    LoadClientCertAsync = 34,
    ClientCertificateErrors = 35,
    SendFileAsync = 36,
    RawTarget = 37,
    FastCgiRole = 38,
}

internal static class EnvironmentKeys
{
    internal const int Count = 39;
    internal const int HotCount = 12;

    internal const string RequestPath = "owin.RequestPath";
    internal const string ResponseHeaders = "owin.ResponseHeaders";
    internal const string ResponseBody = "owin.ResponseBody";
    internal const string RequestHeaders = "owin.RequestHeaders";
    internal const string RequestMethod = "owin.RequestMethod";
    internal const string ResponseStatusCode = "owin.ResponseStatusCode";
    internal const string RequestBody = "owin.RequestBody";
    internal const string RequestPathBase = "owin.RequestPathBase";
    internal const string RequestQueryString = "owin.RequestQueryString";
    internal const string RequestScheme = "owin.RequestScheme";
    internal const string RequestProtocol = "owin.RequestProtocol";
    internal const string CallCancelled = "owin.CallCancelled";
    internal const string Version = "owin.Version";
    internal const string RequestId = "owin.RequestId";
    internal const string RequestUser = "owin.RequestUser";
    internal const string ResponseReasonPhrase = "owin.ResponseReasonPhrase";
    internal const string ResponseProtocol = "owin.ResponseProtocol";
    internal const string OnSendingHeaders = "server.OnSendingHeaders";
    internal const string RemoteIpAddress = "server.RemoteIpAddress";
    internal const string RemotePort = "server.RemotePort";
    internal const string LocalIpAddress = "server.LocalIpAddress";
    internal const string LocalPort = "server.LocalPort";
    internal const string IsLocal = "server.IsLocal";
    internal const string Capabilities = "server.Capabilities";
    internal const string User = "server.User";
    internal const string DisableRequestBuffering = "server.DisableRequestBuffering";
    internal const string DisableResponseBuffering = "server.DisableResponseBuffering";
    internal const string DisableResponseCompression = "systemweb.DisableResponseCompression";
    internal const string OnDispose = "server.OnDispose";
    internal const string TraceOutput = "host.TraceOutput";
    internal const string AppName = "host.AppName";
    internal const string AppMode = "host.AppMode";
    internal const string OnAppDisposing = "host.OnAppDisposing";
    internal const string ClientCertificate = "ssl.ClientCertificate";
    internal const string LoadClientCertAsync = "ssl.LoadClientCertAsync";
    internal const string ClientCertificateErrors = "ssl.ClientCertificateErrors";
    internal const string SendFileAsync = "sendfile.SendAsync";
    internal const string RawTarget = "owind.RawTarget";
    internal const string FastCgiRole = "fastcgi.Role";

    /// <summary>The id of a key, compared ordinally.</summary>
    internal static KeyId Find(string key) => key switch
    {
        RequestPath => KeyId.RequestPath,
        ResponseHeaders => KeyId.ResponseHeaders,
        ResponseBody => KeyId.ResponseBody,
        RequestHeaders => KeyId.RequestHeaders,
        RequestMethod => KeyId.RequestMethod,
        ResponseStatusCode => KeyId.ResponseStatusCode,
        RequestBody => KeyId.RequestBody,
        RequestPathBase => KeyId.RequestPathBase,
        RequestQueryString => KeyId.RequestQueryString,
        RequestScheme => KeyId.RequestScheme,
        RequestProtocol => KeyId.RequestProtocol,
        CallCancelled => KeyId.CallCancelled,
        Version => KeyId.Version,
        RequestId => KeyId.RequestId,
        RequestUser => KeyId.RequestUser,
        ResponseReasonPhrase => KeyId.ResponseReasonPhrase,
        ResponseProtocol => KeyId.ResponseProtocol,
        OnSendingHeaders => KeyId.OnSendingHeaders,
        RemoteIpAddress => KeyId.RemoteIpAddress,
        RemotePort => KeyId.RemotePort,
        LocalIpAddress => KeyId.LocalIpAddress,
        LocalPort => KeyId.LocalPort,
        IsLocal => KeyId.IsLocal,
        Capabilities => KeyId.Capabilities,
        User => KeyId.User,
        DisableRequestBuffering => KeyId.DisableRequestBuffering,
        DisableResponseBuffering => KeyId.DisableResponseBuffering,
        DisableResponseCompression => KeyId.DisableResponseCompression,
        OnDispose => KeyId.OnDispose,
        TraceOutput => KeyId.TraceOutput,
        AppName => KeyId.AppName,
        AppMode => KeyId.AppMode,
        OnAppDisposing => KeyId.OnAppDisposing,
        ClientCertificate => KeyId.ClientCertificate,
        LoadClientCertAsync => KeyId.LoadClientCertAsync,
        ClientCertificateErrors => KeyId.ClientCertificateErrors,
        SendFileAsync => KeyId.SendFileAsync,
        RawTarget => KeyId.RawTarget,
        FastCgiRole => KeyId.FastCgiRole,
        _ => KeyId.None,
    };

    /// <summary>The key of an id.</summary>
    internal static string NameOf(KeyId id) => id switch
    {
        KeyId.RequestPath => RequestPath,
        KeyId.ResponseHeaders => ResponseHeaders,
        KeyId.ResponseBody => ResponseBody,
        KeyId.RequestHeaders => RequestHeaders,
        KeyId.RequestMethod => RequestMethod,
        KeyId.ResponseStatusCode => ResponseStatusCode,
        KeyId.RequestBody => RequestBody,
        KeyId.RequestPathBase => RequestPathBase,
        KeyId.RequestQueryString => RequestQueryString,
        KeyId.RequestScheme => RequestScheme,
        KeyId.RequestProtocol => RequestProtocol,
        KeyId.CallCancelled => CallCancelled,
        KeyId.Version => Version,
        KeyId.RequestId => RequestId,
        KeyId.RequestUser => RequestUser,
        KeyId.ResponseReasonPhrase => ResponseReasonPhrase,
        KeyId.ResponseProtocol => ResponseProtocol,
        KeyId.OnSendingHeaders => OnSendingHeaders,
        KeyId.RemoteIpAddress => RemoteIpAddress,
        KeyId.RemotePort => RemotePort,
        KeyId.LocalIpAddress => LocalIpAddress,
        KeyId.LocalPort => LocalPort,
        KeyId.IsLocal => IsLocal,
        KeyId.Capabilities => Capabilities,
        KeyId.User => User,
        KeyId.DisableRequestBuffering => DisableRequestBuffering,
        KeyId.DisableResponseBuffering => DisableResponseBuffering,
        KeyId.DisableResponseCompression => DisableResponseCompression,
        KeyId.OnDispose => OnDispose,
        KeyId.TraceOutput => TraceOutput,
        KeyId.AppName => AppName,
        KeyId.AppMode => AppMode,
        KeyId.OnAppDisposing => OnAppDisposing,
        KeyId.ClientCertificate => ClientCertificate,
        KeyId.LoadClientCertAsync => LoadClientCertAsync,
        KeyId.ClientCertificateErrors => ClientCertificateErrors,
        KeyId.SendFileAsync => SendFileAsync,
        KeyId.RawTarget => RawTarget,
        KeyId.FastCgiRole => FastCgiRole,
        _ => throw new System.ArgumentOutOfRangeException(nameof(id)),
    };
}
