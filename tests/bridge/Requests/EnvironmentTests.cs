// The environment as a dictionary (OWIN 1.0.1 §3.2): which keys it has, where their values come from, and that it
// behaves as any dictionary does.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Principal;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

using Env = IDictionary<string, object>;

public class EnvironmentTests
{
    [Fact(DisplayName = "every key that OWIN 1.0.1 §3.2 requires is there, with its type and never null")]
    public void RequiredKeys() => Inspect(static environment =>
    {
        Assert.IsAssignableFrom<Stream>(environment["owin.RequestBody"]);
        Assert.IsAssignableFrom<Stream>(environment["owin.ResponseBody"]);
        Assert.IsAssignableFrom<IDictionary<string, string[]>>(environment["owin.RequestHeaders"]);
        Assert.IsAssignableFrom<IDictionary<string, string[]>>(environment["owin.ResponseHeaders"]);
        Assert.Equal("GET", environment["owin.RequestMethod"]);
        Assert.Equal("/ä b", environment["owin.RequestPath"]);
        Assert.Equal("/base", environment["owin.RequestPathBase"]);
        Assert.Equal("HTTP/1.1", environment["owin.RequestProtocol"]);
        Assert.Equal("a=%20b", environment["owin.RequestQueryString"]);
        Assert.Equal("http", environment["owin.RequestScheme"]);
        Assert.IsType<CancellationToken>(environment["owin.CallCancelled"]);
        Assert.Equal("1.0", environment["owin.Version"]);
    }, static request =>
    {
        request.Slots[RequestSlot.Path] = "/ä b";
        request.Slots[RequestSlot.PathBase] = "/base";
        request.Slots[RequestSlot.QueryString] = "a=%20b";
    });

    [Fact(DisplayName = "the common server.* and host.* keys are there, addresses and ports as strings (CommonKeys)")]
    public void CommonKeys() => Inspect(static environment =>
    {
        Assert.Equal("r-1", environment["owin.RequestId"]);
        Assert.Equal(200, environment["owin.ResponseStatusCode"]);
        Assert.Equal("192.0.2.7", environment["server.RemoteIpAddress"]);
        Assert.Equal("50123", environment["server.RemotePort"]);
        Assert.Equal("192.0.2.1", environment["server.LocalIpAddress"]);
        Assert.Equal("80", environment["server.LocalPort"]);
        Assert.Equal(false, environment["server.IsLocal"]);
        Assert.IsType<Action<Action<object>, object>>(environment["server.OnSendingHeaders"]);
        Assert.IsType<Action>(environment["server.DisableRequestBuffering"]);
        Assert.IsType<Action>(environment["server.DisableResponseBuffering"]);
        Assert.IsType<Action>(environment["systemweb.DisableResponseCompression"]);
        Assert.IsType<Func<string, long, long?, CancellationToken, Task>>(environment["sendfile.SendAsync"]);
        Assert.IsAssignableFrom<TextWriter>(environment["host.TraceOutput"]);
        Assert.Equal("TestApp", environment["host.AppName"]);
        Assert.IsType<CancellationToken>(environment["host.OnAppDisposing"]);
        Assert.Equal(environment["host.OnAppDisposing"], environment["server.OnDispose"]);
        Assert.Equal("owind/9", ((Env)environment["server.Capabilities"])["server.Name"]);
        Assert.Equal("1.0", ((Env)environment["server.Capabilities"])["sendfile.Version"]);
        Assert.False(((Env)environment["server.Capabilities"]).ContainsKey("websocket.Version"));
    });

    [Fact(DisplayName = "keys without a value for this request are absent, not null")]
    public void AbsentKeys() => Inspect(static environment =>
    {
        foreach (string key in new[]
                 {
                     "owin.ResponseReasonPhrase", "owin.ResponseProtocol", "owin.RequestUser", "server.User",
                     "ssl.ClientCertificate", "ssl.ClientCertificateErrors", "ssl.LoadClientCertAsync",
                     "owind.RawTarget", "server.ConnectionId", "server.RemoteEndPoint", "server.LocalEndPoint", "integratedpipeline.Context", "host.AppMode", "fastcgi.Role", "websocket.Accept",
                     "opaque.Upgrade", "no.such", "", "owin.requestpath",
                 })
        {
            Assert.False(environment.ContainsKey(key), key);
            Assert.False(environment.TryGetValue(key, out object? value), key);
            Assert.Null(value);
            Assert.Throws<KeyNotFoundException>(() => environment[key]);
        }
    });

    [Fact(DisplayName = "host.AppMode is 'development' in development, and only then there")]
    public void AppMode()
    {
        using FakeRequest request = new FakeRequest(static environment =>
        {
            Assert.Equal("development", environment["host.AppMode"]);
            return Task.CompletedTask;
        }, development: true).Start();
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.Empty(request.Log);
    }

    [Fact(DisplayName = "server.IsLocal, fastcgi.Role and the user of the front end come from the block")]
    public void BlockFlags() => Inspect(static environment =>
    {
        Assert.Equal(true, environment["server.IsLocal"]);
        Assert.Equal("Responder", environment["fastcgi.Role"]);
        var user = Assert.IsAssignableFrom<IPrincipal>(environment["server.User"]);
        Assert.Equal("ann", user.Identity!.Name);
        Assert.True(user.Identity.IsAuthenticated);
        Assert.Same(user, Assert.IsAssignableFrom<ClaimsPrincipal>(environment["owin.RequestUser"]));
    }, static request =>
    {
        request.Flags = RequestFlags.IsLocal | RequestFlags.FastCgi;
        request.Slots[RequestSlot.GatewayRole] = "Responder";
        request.Slots[RequestSlot.RemoteUser] = "ann";
    });

    [Fact(DisplayName = "the same object comes back for a key however often it is asked for")]
    public void ValuesAreStable() => Inspect(static environment =>
    {
        foreach (KeyValuePair<string, object> pair in environment)
        {
            Assert.Equal(pair.Value, environment[pair.Key]);
            if (!pair.Value.GetType().IsValueType)
            {
                Assert.Same(environment[pair.Key], environment[pair.Key]);
            }
        }
    });

    [Fact(DisplayName = "keys are case-sensitive, unknown ones may be set, and null is a value")]
    public void OrdinalAndMutable() => Inspect(static environment =>
    {
        environment["owin.requestpath"] = "other";
        environment["my.Key"] = null!;
        environment["owin.RequestPath"] = "/new";
        environment["host.AppName"] = null!;

        Assert.Equal("other", environment["owin.requestpath"]);
        Assert.Equal("/new", environment["owin.RequestPath"]);
        Assert.True(environment.TryGetValue("my.Key", out object? mine));
        Assert.Null(mine);
        Assert.True(environment.ContainsKey("host.AppName"));
        Assert.Null(environment["host.AppName"]);
        Assert.Throws<ArgumentNullException>(() => environment[null!]);
        Assert.False(environment.IsReadOnly);
    });

    [Fact(DisplayName = "Add refuses a key that is there, Remove makes room, Clear leaves nothing")]
    public void AddRemoveClear() => Inspect(static environment =>
    {
        int count = environment.Count;
        Assert.Throws<ArgumentException>(() => environment.Add("owin.RequestMethod", "PUT"));
        Assert.True(environment.Remove("owin.RequestMethod"));
        Assert.False(environment.Remove("owin.RequestMethod"));
        Assert.False(environment.ContainsKey("owin.RequestMethod"));
        Assert.Equal(count - 1, environment.Count);
        environment.Add("owin.RequestMethod", "PUT");
        environment.Add("my.Key", 1);
        Assert.Throws<ArgumentException>(() => environment.Add("my.Key", 2));
        Assert.Equal(count + 1, environment.Count);
        Assert.True(environment.Remove("my.Key"));
        Assert.False(environment.Remove("my.Key"));
        Assert.True(environment.Contains(new KeyValuePair<string, object>("owin.RequestMethod", "PUT")));
        Assert.False(environment.Contains(new KeyValuePair<string, object>("owin.RequestMethod", "GET")));
        Assert.False(environment.Remove(new KeyValuePair<string, object>("owin.RequestMethod", "GET")));
        Assert.True(environment.Remove(new KeyValuePair<string, object>("owin.RequestMethod", "PUT")));
        environment.Clear();
        Assert.Empty(environment);
        Assert.False(environment.ContainsKey("owin.Version"));
    });

    [Fact(DisplayName = "enumeration, Keys, Values, CopyTo and Count agree, and changes on the way do not disturb them")]
    public void Enumeration() => Inspect(static environment =>
    {
        environment["my.Key"] = "mine";
        var seen = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (KeyValuePair<string, object> pair in environment)
        {
            seen.Add(pair.Key, pair.Value);
            environment["other." + pair.Key] = 1;
        }

        foreach (string key in seen.Keys)
        {
            environment.Remove("other." + key);
        }

        var copy = new KeyValuePair<string, object>[environment.Count + 2];
        environment.CopyTo(copy, 2);
        Assert.Equal(seen.Count, environment.Count);
        Assert.Equal(seen.Keys.Order(), environment.Keys.Order());
        Assert.Equal(seen.Count, environment.Values.Count);
        Assert.Equal(seen.Keys.Order(), copy.Skip(2).Select(static pair => pair.Key).Order());
        Assert.Contains("owin.RequestPath", seen.Keys);
        Assert.Equal("mine", seen["my.Key"]);
    });

    [Fact(DisplayName = "bytes that are not UTF-8 are read as Latin-1, so none is lost")]
    public void NotUtf8() => Inspect(static environment =>
    {
        Assert.Equal(["caf\u00e9\u00ff"], ((IDictionary<string, string[]>)environment["owin.RequestHeaders"])["X-Bytes"]);
        Assert.Equal(["\u20ac"], ((IDictionary<string, string[]>)environment["owin.RequestHeaders"])["X-Utf8"]);
    }, static request =>
    {
        request.Fields.Add(("X-Bytes"u8.ToArray(), [0x63, 0x61, 0x66, 0xe9, 0xff]));
        request.Fields.Add(("X-Utf8"u8.ToArray(), [0xe2, 0x82, 0xac]));
    });

    [Fact(DisplayName = "ssl.ClientCertificate is an X509Certificate2, on https only")]
    public void ClientCertificate()
    {
        using RSA key = RSA.Create(2048);
        using X509Certificate2 made = new CertificateRequest("CN=ann", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        string escaped = Uri.EscapeDataString(made.ExportCertificatePem());
        Inspect(environment =>
        {
            var certificate = Assert.IsType<X509Certificate2>(environment["ssl.ClientCertificate"]);
            Assert.Equal(made.Thumbprint, certificate.Thumbprint);
            Assert.True(((Func<Task>)environment["ssl.LoadClientCertAsync"])().IsCompletedSuccessfully);
            Assert.Null(environment["ssl.ClientCertificateErrors"]);
        }, request =>
        {
            request.Slots[RequestSlot.Scheme] = "https";
            request.Slots[RequestSlot.ClientCertificate] = escaped;
        });
        Inspect(static environment => Assert.False(environment.ContainsKey("ssl.ClientCertificate")),
            request => request.Slots[RequestSlot.ClientCertificate] = escaped);
    }

    [Fact(DisplayName = "a client certificate that cannot be read is null and one line in the log")]
    public void BrokenClientCertificate()
    {
        using FakeRequest request = new FakeRequest(static environment =>
        {
            Assert.Null(environment["ssl.ClientCertificate"]);
            return Task.CompletedTask;
        }).WithSlot(RequestSlot.Scheme, "https").WithSlot(RequestSlot.ClientCertificate, "%2Dnonsense").Start();
        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.Equal(LogLevel.Warning, Assert.Single(request.Log).Level);
    }

    [Theory(DisplayName = "ssl.ClientCertificateErrors says what the front end has against the certificate, or that it cannot be read")]
    [InlineData(true, "", null)]
    [InlineData(true, "SUCCESS", null)]
    [InlineData(true, "FAILED:certificate has expired", "could not verify the client certificate: certificate has expired")]
    [InlineData(true, "GENEROUS", "could not verify the client certificate: GENEROUS")]
    [InlineData(false, "SUCCESS", "")]
    public void ClientCertificateErrors(bool readable, string verification, string? text) => Inspect(environment =>
    {
        object? errors = environment["ssl.ClientCertificateErrors"];
        Assert.Same(errors, environment["ssl.ClientCertificateErrors"]);
        if (text == null)
        {
            Assert.Null(errors);
        }
        else
        {
            Assert.Contains(text, Assert.IsAssignableFrom<Exception>(errors).Message, StringComparison.Ordinal);
        }
    }, request =>
    {
        using RSA key = RSA.Create(2048);
        using X509Certificate2 made = new CertificateRequest("CN=ann", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        request.Slots[RequestSlot.Scheme] = "https";
        request.Slots[RequestSlot.ClientCertificate] = readable ? Uri.EscapeDataString(made.ExportCertificatePem()) : "%2D";
        if (verification.Length > 0)
        {
            request.Slots[RequestSlot.ClientVerification] = verification;
        }
    });

    [Fact(DisplayName = "owind.RawTarget is the request target as it was received, still encoded")]
    public void RawTarget() => Inspect(
        static environment => Assert.Equal("/a%2Fb?c=%20", environment["owind.RawTarget"]),
        static request => request.Slots[RequestSlot.RawTarget] = "/a%2Fb?c=%20");

    [Fact(DisplayName = "after the request values that were read stay, others throw ObjectDisposedException")]
    public void AfterTheEnd()
    {
        Env kept = null!;
        using FakeRequest request = new FakeRequest(environment =>
        {
            kept = environment;
            _ = environment["owin.RequestPath"];
            _ = environment["owin.RequestHeaders"];
            return Task.CompletedTask;
        }).WithField("Host", "a").Start();

        Assert.Equal("/", kept["owin.RequestPath"]);
        Assert.Throws<ObjectDisposedException>(() => kept["owin.RequestId"]);
        Assert.Throws<ObjectDisposedException>(() => ((IDictionary<string, string[]>)kept["owin.RequestHeaders"])["Host"]);
        Assert.Throws<ObjectDisposedException>(() => ((Stream)kept["owin.RequestBody"]).ReadByte());
        Assert.False(((CancellationToken)kept["owin.CallCancelled"]).IsCancellationRequested);
    }

    [Fact(DisplayName = "a value that is read while the block becomes another request's is discarded")]
    public void ForeignBlock()
    {
        FakeRequest? outer = null;
        using FakeRequest request = new FakeRequest(environment =>
        {
            var headers = (IDictionary<string, string[]>)environment["owin.RequestHeaders"];
            Assert.Equal(["a"], headers["Host"]);
            outer!.AdvanceGeneration();
            Assert.Throws<ObjectDisposedException>(() => environment["owin.RequestPath"]);
            Assert.Throws<ObjectDisposedException>(() => headers["Host"]);
            Assert.Throws<ObjectDisposedException>(() => headers.Count);
            return Task.CompletedTask;
        }).WithField("Host", "a");
        outer = request;
        request.Start();
        Assert.Empty(request.Log);
    }

    [Fact(DisplayName = "setting server.User sets Thread.CurrentPrincipal, as Katana's hosts do")]
    public void UserSetsPrincipal() => Inspect(static environment =>
    {
        var user = new GenericPrincipal(new GenericIdentity("bob"), null);
        environment["server.User"] = user;
        Assert.Same(user, Thread.CurrentPrincipal);
        Assert.Same(user, environment["server.User"]);
    });

    [Fact(DisplayName = "DisableResponseCompression takes Accept-Encoding away and forbids caching, as Katana's SystemWeb host")]
    public void DisableResponseCompression()
    {
        using FakeRequest request = new FakeRequest(static environment =>
        {
            ((Action)environment["systemweb.DisableResponseCompression"])();
            Assert.False(((IDictionary<string, string[]>)environment["owin.RequestHeaders"]).ContainsKey("accept-encoding"));
            return Task.CompletedTask;
        }).WithField("Accept-Encoding", "gzip").Start();
        Assert.Equal(["no-cache"], request.GivenHead!["Cache-Control"]);
    }

    /// <summary>Runs assertions inside an application, and sees to it that a failure is the test's.</summary>
    private static void Inspect(Action<Env> assert, Action<FakeRequest>? prepare = null)
    {
        Exception? failure = null;
        using var request = new FakeRequest(environment =>
        {
            failure = Record.Exception(() => assert(environment));
            return Task.CompletedTask;
        });
        prepare?.Invoke(request);
        request.Start();
        if (failure != null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }
}
