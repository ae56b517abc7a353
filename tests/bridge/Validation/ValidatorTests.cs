// The validator (`owind serve --validate`): that it passes what keeps to OWIN, and names section, key and middleware of
// what does not, at every place where one part of a pipeline hands over to another.

using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Owind.Boundary;
using Owind.Tests.Requests;
using Owind.Validation;
using Xunit;

namespace Owind.Tests.Validation;

using AppFunc = Func<IDictionary<string, object>, Task>;
using Env = IDictionary<string, object>;
using Headers = IDictionary<string, string[]>;
using MidFunc = Func<Func<IDictionary<string, object>, Task>, Func<IDictionary<string, object>, Task>>;

public class ValidatorTests
{
    private static readonly AppFunc s_well = static async environment =>
    {
        ((Headers)environment["owin.ResponseHeaders"])["Content-Length"] = ["3"];
        await Task.Yield();
        await ((Stream)environment["owin.ResponseBody"]).WriteAsync("abc"u8.ToArray(), 0, 3);
    };

    /// <summary>A middleware of a type, so that it has a name of its own.</summary>
    public sealed class Outer(AppFunc next, Action<Env> before)
    {
        public Task Invoke(Env environment)
        {
            before(environment);
            return next(environment);
        }
    }

    /// <summary>Answers, and then does what it should not.</summary>
    public sealed class Inner(AppFunc next, Action<Env> action)
    {
        public async Task Invoke(Env environment)
        {
            await Task.Yield();
            action(environment);
            _ = next;
        }
    }

    private static FakeRequest Serve(AppFunc app, Action<FakeRequest>? prepare = null)
    {
        var request = new FakeRequest(Checkpoint.Before(Checkpoint.Server, "My.Pipeline", app)).WithField("Host", "a");
        prepare?.Invoke(request);
        return request.Start();
    }

    private static FakeRequest ServePipeline(Func<AppBuilder, AppBuilder> use)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal) { ["owind.Validate"] = true };
        AppBuilder builder = use(new AppBuilder(properties));
        var app = (AppFunc)builder.Build(typeof(AppFunc))!;
        return new FakeRequest(Checkpoint.Before(Checkpoint.Server, builder.OutermostName!, app)).WithField("Host", "a").Start();
    }

    private static async Task<string> Complaint(FakeRequest request)
    {
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal(500, request.GivenHead!.Status);
        string log = Assert.Single(request.Log).Text;
        Assert.Contains("OwinRuleException", log, StringComparison.Ordinal);
        return System.Net.WebUtility.HtmlDecode(request.BodyText);
    }

    [Fact(DisplayName = "a request that keeps to the rules passes, with the same response and no line in the log")]
    public async Task GoodRequest()
    {
        using FakeRequest request = Serve(s_well);
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("abc", request.BodyText);
        Assert.Empty(request.Log);
    }

    [Fact(DisplayName = "an empty 200, a HEAD with a length and no body, and a 304 pass")]
    public async Task GoodWithoutBody()
    {
        using FakeRequest nothing = Serve(static _ => Task.CompletedTask);
        using FakeRequest head = Serve(static environment =>
        {
            ((Headers)environment["owin.ResponseHeaders"])["Content-Length"] = ["1000"];
            return ((Stream)environment["owin.ResponseBody"]).FlushAsync();
        }, static request => request.Flags = RequestFlags.Head);
        using FakeRequest unmodified = Serve(static environment =>
        {
            environment["owin.ResponseStatusCode"] = 304;
            ((Headers)environment["owin.ResponseHeaders"])["Content-Length"] = ["1000"];
            return Task.CompletedTask;
        });
        foreach (FakeRequest request in new[] { nothing, head, unmodified })
        {
            Assert.Equal(Outcome.Completed, await request.Completed);
            Assert.Empty(request.Log);
        }
    }

    public static TheoryData<string, string, Action<Env>> BadHandOvers()
    {
        var data = new TheoryData<string, string, Action<Env>>();
        foreach (string key in new[]
                 {
                     "owin.RequestBody", "owin.RequestHeaders", "owin.RequestMethod", "owin.RequestPath", "owin.RequestPathBase",
                     "owin.RequestProtocol", "owin.RequestQueryString", "owin.RequestScheme", "owin.ResponseBody",
                     "owin.ResponseHeaders", "owin.CallCancelled", "owin.Version",
                 })
        {
            string section = key switch
            {
                "owin.CallCancelled" => "§3.2.3",
                "owin.Version" => "§7",
                "owin.RequestScheme" => "§5.1",
                _ when key.StartsWith("owin.Response") => "§3.2.2",
                _ => "§3.2.1",
            };
            data.Add(section, $"{key} is required; it is not there.", environment => environment.Remove(key));
            data.Add(section, $"{key} must be", environment => environment[key] = new object());
        }

        Add("§3.2.1", "owin.RequestPath must not be null.", "owin.RequestPath", null);
        Add("§3.2.1", "owin.RequestMethod is no method: 'A B'.", "owin.RequestMethod", "A B");
        Add("§5.1", "owin.RequestScheme must not be empty.", "owin.RequestScheme", "");
        Add("§3.2.1", "owin.RequestProtocol must not be empty.", "owin.RequestProtocol", "");
        Add("§5.3", "owin.RequestPath must start with a slash; it is 'a'.", "owin.RequestPath", "a");
        Add("§5.3", "owin.RequestPath may be empty only with an owin.RequestPathBase.", "owin.RequestPath", "");
        Add("§5.3", "owin.RequestPathBase must be empty, or start with a slash", "owin.RequestPathBase", "/a/");
        Add("§5.3", "owin.RequestPathBase must be empty, or start with a slash", "owin.RequestPathBase", "a");
        Add("§3.4", "owin.RequestBody cannot be read.", "owin.RequestBody", new Unusable());
        Add("§3.5", "owin.ResponseBody cannot be written.", "owin.ResponseBody", new Unusable());
        Add("§5.2", "owin.RequestHeaders must have a Host.", "owin.RequestHeaders",
            new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase));
        Add("§3.3", "owin.RequestHeaders must compare its keys in any case", "owin.RequestHeaders",
            new Dictionary<string, string[]> { ["Host"] = ["a"] });
        Add("§3.3", "owin.RequestHeaders must be mutable; it is read-only.", "owin.RequestHeaders",
            new ReadOnlyDictionary<string, string[]>(
                new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase) { ["Host"] = ["a"] }));
        foreach ((string key, Type type) in new[]
                 {
                     ("owin.RequestId", typeof(string)), ("owin.RequestUser", typeof(object)), ("server.RemotePort", typeof(string)),
                     ("server.IsLocal", typeof(bool)), ("server.OnSendingHeaders", typeof(Action)),
                     ("server.Capabilities", typeof(object)), ("ssl.ClientCertificate", typeof(object)),
                     ("host.TraceOutput", typeof(object)), ("host.OnAppDisposing", typeof(object)), ("server.User", typeof(object)),
                     ("sendfile.SendAsync", typeof(object)),
                 })
        {
            Assert.NotNull(type);
            Add("", $"{key} must be a", key, 12.5);
        }

        return data;

        void Add(string section, string text, string key, object? value) =>
            data.Add(section, text, environment => environment[key] = value!);
    }

    [Theory(DisplayName = "what a middleware hands over wrongly is named: section, key, and the middleware")]
    [MemberData(nameof(BadHandOvers))]
    public async Task BadHandOver(string section, string text, Action<Env> spoil)
    {
        bool reached = false;
        using FakeRequest request = ServePipeline(builder => builder
            .Use(new MidFunc(static next => next))
            .Use(typeof(Outer), spoil)
            .Use(new MidFunc(_ => _ =>
            {
                reached = true;
                return Task.CompletedTask;
            })));
        string complaint = await Complaint(request);
        Assert.False(reached);
        Assert.Contains(section, complaint, StringComparison.Ordinal);
        Assert.Contains(text, complaint, StringComparison.Ordinal);
        Assert.Contains($"(by {typeof(Outer).FullName} (a delegate of {typeof(ValidatorTests).FullName}.", complaint, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "an environment that is null, read-only or blind to case is a complaint")]
    public async Task BadEnvironments()
    {
        Func<Env, Env>[] replacements =
        [
            static _ => null!,
            static environment => new Dictionary<string, object>(environment, StringComparer.OrdinalIgnoreCase),
            static environment => new ReadOnlyDictionary<string, object>(environment),
        ];
        string[] texts = ["must not be null", "StringComparer.Ordinal", "it is read-only"];
        for (int i = 0; i < texts.Length; i++)
        {
            Func<Env, Env> replace = replacements[i];
            using FakeRequest request = ServePipeline(builder => builder
                .Use(new MidFunc(next => environment => next(replace(environment)))).Use(new MidFunc(static _ => s_well)));
            string complaint = await Complaint(request);
            Assert.Contains("OWIN 1.0.1 §3.2: the environment", complaint, StringComparison.Ordinal);
            Assert.Contains(texts[i], complaint, StringComparison.Ordinal);
        }
    }

    [Fact(DisplayName = "a dictionary of its own that a middleware hands over is as good as the server's")]
    public async Task OwnDictionary()
    {
        using FakeRequest request = ServePipeline(static builder => builder
            .Use(new MidFunc(static next => environment => next(new Dictionary<string, object>(environment, StringComparer.Ordinal))))
            .Use(new MidFunc(static _ => s_well)));
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal("abc", request.BodyText);
        Assert.Empty(request.Log);
    }

    public static TheoryData<string, string, Action<Env>> BadResponses()
    {
        var data = new TheoryData<string, string, Action<Env>>
        {
            { "§3.4", "owin.ResponseStatusCode must not be 100", static e => e["owin.ResponseStatusCode"] = 100 },
            { "§3.2.2", "owin.ResponseStatusCode must have three digits; it is 1000.", static e => e["owin.ResponseStatusCode"] = 1000 },
            { "§3.2.2", "owin.ResponseStatusCode must be an int; it is a string.", static e => e["owin.ResponseStatusCode"] = "200" },
            { "§3.2.2", "owin.ResponseReasonPhrase must be a string", static e => e["owin.ResponseReasonPhrase"] = 1 },
            { "§3.2.2", "owin.ResponseReasonPhrase has CR, LF or NUL.", static e => e["owin.ResponseReasonPhrase"] = "a\nb" },
            { "§3.2.2", "owin.ResponseProtocol must be a string", static e => e["owin.ResponseProtocol"] = 1 },
            { "§3.2.2", "owin.ResponseHeaders is required", static e => e.Remove("owin.ResponseHeaders") },
            { "§3.2.2", "owin.ResponseHeaders must not be null.", static e => e["owin.ResponseHeaders"] = null! },
            { "§3.3", "has a name that is no token: 'X A'.", static e => Set(e, "X A", "1") },
            { "§3.3", "['X-A'] has CR, LF or NUL in a value: 'a??b'.", static e => Set(e, "X-A", "a\r\nb") },
            { "§8.6", "['Content-Length'] is no number of bytes: '-1'.", static e => Set(e, "Content-Length", "-1") },
            { "§8.6", "['Content-Length'] must have one value.", static e => Set(e, "Content-Length", "3", "3") },
            {
                "§3.3", "['X-A'] is null; remove the header instead.", static e => e["owin.ResponseHeaders"] =
                    new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase) { ["X-A"] = null! }
            },
            {
                "§3.3", "['X-A'] has a null among its values.", static e => e["owin.ResponseHeaders"] =
                    new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase) { ["X-A"] = [null!] }
            },
        };
        return data;

        static void Set(Env environment, string name, params string[] values) =>
            ((Headers)environment["owin.ResponseHeaders"])[name] = values;
    }

    [Theory(DisplayName = "what a middleware leaves wrongly for the head is named, whether it writes or not")]
    [MemberData(nameof(BadResponses))]
    public async Task BadResponse(string section, string text, Action<Env> spoil)
    {
        foreach (bool writes in new[] { false, true })
        {
            Action<Env> action = environment =>
            {
                spoil(environment);
                if (writes)
                {
                    ((Stream)environment["owin.ResponseBody"]).Write("abc"u8);
                }
            };
            using FakeRequest request = ServePipeline(builder => builder
                .Use(typeof(Outer), new Action<Env>(static _ => { })).Use(typeof(Inner), action));
            string complaint = await Complaint(request);
            Assert.Contains(section, complaint, StringComparison.Ordinal);
            Assert.Contains(text, complaint, StringComparison.Ordinal);
            Assert.Contains($"(by {typeof(Inner).FullName}", complaint, StringComparison.Ordinal);
        }
    }

    [Fact(DisplayName = "a null Task and one that was never started are complaints")]
    public async Task BadTasks()
    {
        using FakeRequest none = Serve(static _ => null!);
        Assert.Contains("OWIN 1.0.1 §3.1: the application must return a Task; it returned null. (by My.Pipeline)",
            await Complaint(none), StringComparison.Ordinal);
        using FakeRequest cold = Serve(static _ => new Task(static () => { }));
        Assert.Contains("never started", await Complaint(cold), StringComparison.Ordinal);
    }

    [Fact(DisplayName = "what comes to light behind the head is one line in the log, and the response is left alone")]
    public async Task BehindTheHead()
    {
        using FakeRequest request = ServePipeline(builder => builder
            .Use(typeof(Outer), new Action<Env>(static _ => { }))
            .Use(typeof(Inner), new Action<Env>(static environment =>
            {
                ((Stream)environment["owin.ResponseBody"]).Write("abc"u8);
                environment.Remove("owin.RequestBody");
            })));
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal((200, "abc"), (request.GivenHead!.Status, request.BodyText));
        (LogLevel level, string text) = Assert.Single(request.Log);
        Assert.Equal(LogLevel.Error, level);
        Assert.Contains("§3.2.1: owin.RequestBody is required", text, StringComparison.Ordinal);
        Assert.Contains($"(by {typeof(Inner).FullName}", text, StringComparison.Ordinal);
    }

    [Theory(DisplayName = "a body of another length than the head says, and one where there is none, are lines in the log")]
    [InlineData(200, "4", "got 3 bytes, and Content-Length says 4.")]
    [InlineData(204, null, "got 3 bytes, and a response with status 204 has no body.")]
    [InlineData(304, null, "got 3 bytes, and a response with status 304 has no body.")]
    public async Task BadLength(int status, string? length, string text)
    {
        using FakeRequest request = Serve(environment =>
        {
            environment["owin.ResponseStatusCode"] = status;
            if (length != null)
            {
                ((Headers)environment["owin.ResponseHeaders"])["Content-Length"] = [length];
            }

            return ((Stream)environment["owin.ResponseBody"]).WriteAsync("abc"u8.ToArray(), 0, 3);
        });
        await request.Completed;
        Assert.Contains(text, Assert.Single(request.Log).Text, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "closing a body is a warning, once each")]
    public async Task ClosedBodies()
    {
        using FakeRequest request = Serve(static environment =>
        {
            using (var writer = new StreamWriter((Stream)environment["owin.ResponseBody"], new UTF8Encoding(false)))
            {
                writer.Write("abc");
            }

            ((Stream)environment["owin.ResponseBody"]).Dispose();
            ((Stream)environment["owin.RequestBody"]).Dispose();
            return Task.CompletedTask;
        });
        await request.Completed;
        Assert.Equal("abc", request.BodyText);
        Assert.Equal(
            [
                (LogLevel.Warning, "OWIN 1.0.1 §3.5: owin.ResponseBody should not be closed: its owner does that. (by My.Pipeline)"),
                (LogLevel.Warning, "OWIN 1.0.1 §3.4: owin.RequestBody should not be closed: its owner does that. (by My.Pipeline)"),
            ], request.Log);
    }

    [Fact(DisplayName = "an exception of the application is its own, and nobody complains on top of it")]
    public async Task ExceptionsPass()
    {
        using FakeRequest request = ServePipeline(static builder => builder.Use(typeof(Inner), new Action<Env>(static environment =>
        {
            environment["owin.ResponseStatusCode"] = 100;
            throw new NotSupportedException("its own");
        })));
        Assert.Equal(Outcome.Faulted, await request.Completed);
        Assert.Null(request.GivenHead);
        Assert.Contains("NotSupportedException: its own", Assert.Single(request.Log).Text, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "a branch is checked too, and who leads into it is named")]
    public async Task Branch()
    {
        using FakeRequest request = ServePipeline(static builder =>
        {
            var branch = (AppFunc)builder.New().Use(new MidFunc(static _ => s_well)).Build(typeof(AppFunc))!;
            return builder.Use(typeof(Outer), new Action<Env>(static _ => { })).Use(new MidFunc(_ => environment =>
            {
                environment["owin.RequestPath"] = "no-slash";
                return branch(environment);
            }));
        });
        string complaint = await Complaint(request);
        Assert.Contains("§5.3: owin.RequestPath must start with a slash", complaint, StringComparison.Ordinal);
        Assert.Contains($"(by a delegate of {typeof(ValidatorTests).FullName}.", complaint, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "middleware of another signature is left alone where no conversion leads to an application")]
    public void OtherSignatures()
    {
        var properties = new Dictionary<string, object> { ["owind.Validate"] = true, ["builder.DefaultApp"] = new Func<int, string>(static n => "n" + n) };
        var app = (Func<int, string>)new AppBuilder(properties)
            .Use(new Func<Func<int, string>, Func<int, string>>(static next => n => next(n) + "!"))
            .Build(typeof(Func<int, string>))!;
        Assert.Equal("n1!", app(1));
    }

    [Fact(DisplayName = "an awaited instance at the end still ends the pipeline")]
    public async Task InstanceModule()
    {
        using FakeRequest request = ServePipeline(static builder => builder.Use(typeof(Outer), new Action<Env>(static _ => { })).Use(new Module()));
        Assert.Equal(Outcome.Completed, await request.Completed);
        Assert.Equal(200, request.GivenHead!.Status);
        Assert.Empty(request.Log);
    }

    public sealed class Module
    {
        public Task Invoke(Env environment) => Task.CompletedTask;
    }

    private sealed class Unusable : MemoryStream
    {
        public override bool CanRead => false;

        public override bool CanWrite => false;
    }
}
