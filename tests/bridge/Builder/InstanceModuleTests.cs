// The addition to the rules of Use: an instance whose only fitting method is Task Invoke(environment).

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;
using Xunit;

namespace Owind.Tests.Builder;

using AppFunc = Func<IDictionary<string, object>, Task>;
using MidFunc = Func<Func<IDictionary<string, object>, Task>, Func<IDictionary<string, object>, Task>>;

public class InstanceModuleTests
{
    private readonly List<string> _log = new();

    public sealed class Module
    {
        private readonly Func<IDictionary<string, object>, Task> _body;

        public Module(AppFunc body)
        {
            _body = body;
        }

        public Task Invoke(IDictionary<string, object> environment) => _body(environment);
    }

    private Module Log(string name) => new(_ =>
    {
        _log.Add(name);
        return Task.CompletedTask;
    });

    private MidFunc LogMiddleware(string name) => next => environment =>
    {
        _log.Add(name);
        return next(environment);
    };

    private static AppFunc Build(AppBuilder builder) => (AppFunc)builder.Build(typeof(AppFunc))!;

    private static Dictionary<string, object> Environment() => new() { ["owin.ResponseStatusCode"] = 200 };

    [Fact]
    public async Task Alone_it_is_the_application_and_no_404_follows()
    {
        Module module = Log("hello");
        AppFunc app = Build(new AppBuilder().Use(module));
        Dictionary<string, object> environment = Environment();
        await app(environment);
        Assert.Equal(200, environment["owin.ResponseStatusCode"]);
        Assert.Equal(["hello"], _log);
        Assert.Same(module, app.Target);
    }

    [Fact]
    public async Task Later_middleware_runs_after_it_and_when_that_calls_on_404_follows()
    {
        AppFunc app = Build(new AppBuilder().Use(Log("first")).Use(LogMiddleware("second")));
        Dictionary<string, object> environment = Environment();
        await app(environment);
        Assert.Equal(["first", "second"], _log);
        Assert.Equal(404, environment["owin.ResponseStatusCode"]);
    }

    public static TheoryData<string, Action<IDictionary<string, object>>> Answers() => new()
    {
        { "status", environment => environment["owin.ResponseStatusCode"] = 202 },
        { "reason", environment => environment["owin.ResponseReasonPhrase"] = "Fine" },
        { "header", environment => ((IDictionary<string, string[]>)environment["owin.ResponseHeaders"])["X"] = ["1"] },
        { "headers", environment => environment["owin.ResponseHeaders"] = new Dictionary<string, string[]>() },
        { "body", environment => ((Stream)environment["owin.ResponseBody"]).WriteByte(1) },
        { "other body", environment => environment["owin.ResponseBody"] = new MemoryStream() },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task What_it_has_answered_is_not_turned_into_a_404_by_the_end(
        string what, Action<IDictionary<string, object>> answer)
    {
        foreach (bool awaited in new[] { false, true })
        {
            var module = new Module(async environment =>
            {
                if (awaited)
                {
                    await Task.Yield();
                }

                answer(environment);
            });
            Dictionary<string, object> environment = Environment();
            environment["owin.ResponseHeaders"] = new Dictionary<string, string[]>();
            environment["owin.ResponseBody"] = new MemoryStream();
            await Build(new AppBuilder().Use(module).Use(LogMiddleware(what)))(environment);
            Assert.Equal(what == "status" ? 202 : 200, environment["owin.ResponseStatusCode"]);
        }
    }

    [Fact]
    public async Task What_was_there_before_it_counts_as_nobodys_answer()
    {
        Dictionary<string, object> environment = Environment();
        environment["owin.ResponseHeaders"] = new Dictionary<string, string[]> { ["X-Outer"] = ["1"] };
        await Build(new AppBuilder().Use(Log("module")).Use(LogMiddleware("second")))(environment);
        Assert.Equal(404, environment["owin.ResponseStatusCode"]);
    }

    [Fact]
    public async Task With_the_servers_own_response_a_write_and_a_changed_header_are_answers()
    {
        foreach (AppFunc answer in new AppFunc[]
        {
            environment => ((Stream)environment["owin.ResponseBody"]).WriteAsync(new byte[1], 0, 1),
            environment => ((Stream)environment["owin.ResponseBody"]).FlushAsync(),
            environment =>
            {
                ((IDictionary<string, string[]>)environment["owin.ResponseHeaders"])["X-Outer"] = ["changed"];
                return Task.CompletedTask;
            },
        })
        {
            MidFunc outer = next => environment =>
            {
                ((IDictionary<string, string[]>)environment["owin.ResponseHeaders"])["X-Outer"] = ["1"];
                return next(environment);
            };
            using var request = new Requests.FakeRequest(
                Build(new AppBuilder().Use(outer).Use(new Module(answer)).Use(LogMiddleware("second"))));
            request.Start();
            Assert.Equal(Boundary.Outcome.Completed, await request.Completed);
            Assert.Equal(200, request.GivenHead!.Status);
        }
    }

    [Fact]
    public async Task With_the_servers_own_response_an_instance_that_only_looks_leaves_the_404()
    {
        using var request = new Requests.FakeRequest(
            Build(new AppBuilder().Use(Log("module")).Use(LogMiddleware("second"))));
        request.Start();
        Assert.Equal(Boundary.Outcome.Completed, await request.Completed);
        Assert.Equal(404, request.GivenHead!.Status);
    }

    [Fact]
    public async Task A_branch_behind_its_answer_does_not_end_with_404()
    {
        AppBuilder builder = new AppBuilder().Use(new Module(environment =>
        {
            environment["owin.ResponseStatusCode"] = 201;
            return Task.CompletedTask;
        }));
        AppFunc branch = Build(builder.New().Use(LogMiddleware("branch")));
        Dictionary<string, object> environment = Environment();
        await Build(builder.Use(new MidFunc(_ => branch)))(environment);
        Assert.Equal(["branch"], _log);
        Assert.Equal(201, environment["owin.ResponseStatusCode"]);
    }

    [Fact]
    public async Task Several_run_one_after_the_other()
    {
        AppFunc app = Build(new AppBuilder().Use(Log("1")).Use(Log("2")).Use(Log("3")));
        await app(Environment());
        Assert.Equal(["1", "2", "3"], _log);
    }

    [Fact]
    public async Task Middleware_before_it_is_chained_to_it()
    {
        AppFunc app = Build(new AppBuilder().Use(LogMiddleware("outer")).Use(Log("inner")));
        Dictionary<string, object> environment = Environment();
        await app(environment);
        Assert.Equal(["outer", "inner"], _log);
        Assert.Equal(200, environment["owin.ResponseStatusCode"]);
    }

    [Fact]
    public async Task A_default_application_that_was_set_runs_after_it()
    {
        var builder = new AppBuilder();
        builder.Properties["builder.DefaultApp"] = new AppFunc(_ =>
        {
            _log.Add("default");
            return Task.CompletedTask;
        });
        await Build(builder.Use(Log("module")))(Environment());
        Assert.Equal(["module", "default"], _log);
    }

    [Fact]
    public async Task It_is_awaited_before_the_rest_runs()
    {
        var gate = new TaskCompletionSource();
        var first = new Module(async _ =>
        {
            await gate.Task;
            _log.Add("first");
        });
        Task done = Build(new AppBuilder().Use(first).Use(Log("second")))(Environment());
        Assert.Empty(_log);
        Assert.False(done.IsCompleted);
        gate.SetResult();
        await done;
        Assert.Equal(["first", "second"], _log);
    }

    [Fact]
    public async Task When_it_fails_the_rest_does_not_run()
    {
        AppFunc thrown = Build(new AppBuilder().Use(new Module(_ => throw new InvalidOperationException("sync"))).Use(Log("rest")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => thrown(Environment()));
        AppFunc faulted = Build(new AppBuilder()
            .Use(new Module(_ => Task.FromException(new InvalidOperationException("async")))).Use(Log("rest")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => faulted(Environment()));
        AppFunc cancelled = Build(new AppBuilder()
            .Use(new Module(_ => Task.FromCanceled(new System.Threading.CancellationToken(true)))).Use(Log("rest")));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled(Environment()));
        Assert.Empty(_log);
    }

    [Fact]
    public async Task A_null_task_is_a_failure_that_names_the_class()
    {
        AppFunc app = Build(new AppBuilder().Use(new Module(_ => null!)).Use(Log("rest")));
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => app(Environment()));
        Assert.Contains(nameof(Module), exception.Message, StringComparison.Ordinal);
    }

    public sealed class Returning
    {
        public Task<int> Invoke(IDictionary<string, object> environment)
        {
            environment["ran"] = true;
            return Task.FromResult(1);
        }
    }

    [Fact]
    public async Task Its_result_may_be_any_kind_of_Task()
    {
        Dictionary<string, object> environment = Environment();
        await Build(new AppBuilder().Use(new Returning()))(environment);
        Assert.True(environment.ContainsKey("ran"));
    }

    public sealed class WithGenerator
    {
        public Task Invoke(IDictionary<string, object> environment) => throw new InvalidOperationException("not this one");

        public AppFunc Invoke(AppFunc next) => _ => Task.CompletedTask;
    }

    [Fact]
    public async Task An_Invoke_that_takes_the_next_application_goes_before_it() =>
        await Build(new AppBuilder().Use(new WithGenerator()))(Environment());

    [Fact]
    public void With_further_arguments_it_does_not_fit() =>
        Assert.Throws<NotSupportedException>(() => new AppBuilder().Use(Log("x"), "argument"));

    [Fact]
    public async Task A_branch_without_one_still_ends_with_404()
    {
        AppBuilder builder = new AppBuilder().Use(Log("x"));
        Dictionary<string, object> environment = Environment();
        await Build(builder.New())(environment);
        Assert.Equal(404, environment["owin.ResponseStatusCode"]);
    }
}
