// The semantics of the builder: kinds of middleware, arguments, order, default application, exceptions.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Threading.Tasks;
using Xunit;

namespace Owind.Tests.Builder;

using AppFunc = Func<IDictionary<string, object>, Task>;
using MidFunc = Func<Func<IDictionary<string, object>, Task>, Func<IDictionary<string, object>, Task>>;

public class AppBuilderTests
{
    private static T Build<T>(AppBuilder builder) => (T)builder.Build(typeof(T))!;

    private static AppBuilder Over(object defaultApp)
    {
        var builder = new AppBuilder();
        builder.Properties["builder.DefaultApp"] = defaultApp;
        return builder;
    }

    private static Dictionary<string, object> Environment() => new(StringComparer.Ordinal);

    [Fact]
    public async Task An_empty_pipeline_answers_404()
    {
        Dictionary<string, object> environment = Environment();
        await Build<AppFunc>(new AppBuilder())(environment);
        Assert.Equal(404, Assert.IsType<int>(environment["owin.ResponseStatusCode"]));
        Assert.Single(environment);
    }

    [Fact]
    public async Task Without_the_DefaultApp_property_the_pipeline_ends_with_404()
    {
        var builder = new AppBuilder();
        builder.Properties.Remove("builder.DefaultApp");
        Dictionary<string, object> environment = Environment();
        await Build<AppFunc>(builder)(environment);
        Assert.Equal(404, environment["owin.ResponseStatusCode"]);
    }

    [Fact]
    public void The_default_application_is_what_the_property_says_at_Build()
    {
        AppFunc app = _ => Task.CompletedTask;
        var builder = new AppBuilder();
        builder.Properties["builder.DefaultApp"] = app;
        Assert.Same(app, builder.Build(typeof(AppFunc)));
    }

    [Fact]
    public void A_null_default_application_stays_null() => Assert.Null(Over(null!).Build(typeof(AppFunc)));

    [Fact]
    public void Properties_given_by_the_server_are_the_ones_that_everybody_sees()
    {
        AppFunc own = _ => Task.CompletedTask;
        var properties = new Dictionary<string, object> { ["builder.DefaultApp"] = own };
        var builder = new AppBuilder(properties);
        Assert.Same(properties, builder.Properties);
        Assert.Same(own, properties["builder.DefaultApp"]);
        Assert.IsType<Action<Delegate>>(properties["builder.AddSignatureConversion"]);
    }

    [Fact]
    public void A_delegate_gets_the_next_application_and_its_result_takes_its_place()
    {
        AppBuilder builder = Over("default");
        string? seen = null;
        builder.Use(new Func<string, string>(next =>
        {
            seen = next;
            return "outer";
        }));
        Assert.Equal("outer", builder.Build(typeof(string)));
        Assert.Equal("default", seen);
    }

    [Fact]
    public void A_delegate_gets_the_further_arguments_after_the_next_application()
    {
        AppBuilder builder = Over("app");
        builder.Use(new Func<string, int, string, string>((next, number, text) => next + number + text), 7, "x");
        Assert.Equal("app7x", builder.Build(typeof(string)));
    }

    [Fact]
    public void A_delegate_with_a_bound_first_argument_is_seen_without_it()
    {
        var closed = (Func<string, string>)Delegate.CreateDelegate(
            typeof(Func<string, string>), "bound", typeof(AppBuilderTests).GetMethod(nameof(Join), BindingFlags.NonPublic | BindingFlags.Static)!);
        Assert.Equal("bound+app", Over("app").Use(closed).Build(typeof(string)));
    }

    private static string Join(string first, string second) => first + "+" + second;

    [Fact]
    public void A_delegate_without_parameters_is_no_middleware() =>
        Assert.Throws<NotSupportedException>(() => new AppBuilder().Use(new Func<int>(() => 1)));

    [Fact]
    public void Middleware_wraps_from_the_last_to_the_first()
    {
        AppBuilder builder = Over("0");
        builder.Use(new Func<string, string>(next => next + "1")).Use(new Func<string, string>(next => next + "2"));
        Assert.Equal("021", builder.Build(typeof(string)));
    }

    [Fact]
    public void Nothing_runs_before_Build_and_everything_at_each_Build()
    {
        int calls = 0;
        AppBuilder builder = Over("app");
        builder.Use(new Func<string, string>(next => next + ++calls));
        Assert.Equal(0, calls);
        Assert.Equal("app1", builder.Build(typeof(string)));
        Assert.Equal("app2", builder.Build(typeof(string)));
    }

    public class Initialized
    {
        private Func<int, string>? _next;
        private string? _mark;

        public void Initialize(Func<int, string> next) => throw new InvalidOperationException("wrong arity");

        public void Initialize(Func<int, string> next, string mark)
        {
            _next = next;
            _mark = mark;
        }

        public string Invoke(int call) => _next!(call) + _mark;
    }

    [Fact]
    public void An_instance_with_a_fitting_Initialize_is_the_application_itself()
    {
        AppBuilder builder = Over(new Func<int, string>(call => "app" + call));
        builder.Use(new Initialized(), "!");
        Assert.Equal("app42!", Build<Func<int, string>>(builder)(42));
    }

    public class Both
    {
        public bool WasInitialized { get; private set; }

        public void Initialize(Func<int, string> next) => WasInitialized = true;

        public string Invoke(int call) => "instance";

        public Func<int, string> Invoke(Func<int, string> next) => _ => "generated";
    }

    [Fact]
    public void Initialize_goes_before_Invoke()
    {
        var both = new Both();
        Assert.Equal("instance", Build<Func<int, string>>(Over(new Func<int, string>(_ => "")).Use(both))(1));
        Assert.True(both.WasInitialized);
    }

    public class Generator
    {
        public Func<int, string> Invoke(Func<int, string> next, string mark) => call => next(call) + mark;
    }

    [Fact]
    public void An_instance_with_a_fitting_Invoke_makes_the_application()
    {
        AppBuilder builder = Over(new Func<int, string>(call => "app" + call));
        builder.Use(new Generator(), "a").Use(new Generator(), "b");
        Assert.Equal("app1ba", Build<Func<int, string>>(builder)(1));
    }

    public class Constructed
    {
        private readonly Func<int, string> _next;
        private readonly string _mark;

        public Constructed(Func<int, string> next)
            : this(next, "none")
        {
        }

        public Constructed(Func<int, string> next, string mark)
        {
            _next = next;
            _mark = mark;
        }

        public Constructed(Func<int, string> next, int number)
            : this(next, "#" + number)
        {
        }

        public string Invoke(int call) => _next(call) + _mark;
    }

    [Fact]
    public void A_type_is_constructed_by_the_constructor_that_fits_the_arguments()
    {
        AppBuilder builder = Over(new Func<int, string>(_ => "app"));
        builder.Use(typeof(Constructed), "x").Use(typeof(Constructed), 3).Use(typeof(Constructed));
        Assert.Equal("appnone#3x", Build<Func<int, string>>(builder)(1));
    }

    [Fact]
    public void A_null_argument_fits_a_reference_and_not_a_value()
    {
        AppBuilder builder = Over(new Func<int, string>(_ => "app"));
        builder.Use(typeof(Constructed), new object?[] { null });
        Assert.Equal("app", Build<Func<int, string>>(builder)(1));
    }

    [Fact]
    public void A_null_array_of_arguments_is_an_empty_one()
    {
        AppBuilder builder = Over(new Func<int, string>(_ => "app")).Use(typeof(Constructed), null);
        Assert.Equal("appnone", Build<Func<int, string>>(builder)(1));
    }

    [Fact]
    public void Null_is_no_middleware() => Assert.Equal(
        "middlewareObject", Assert.Throws<ArgumentNullException>(() => new AppBuilder().Use(null!)).ParamName);

    [Fact]
    public void Any_other_object_is_refused_with_its_type()
    {
        var exception = Assert.Throws<NotSupportedException>(() => new AppBuilder().Use(new Uri("http://x/")));
        Assert.Equal("The type 'System.Uri' does not match any known middleware pattern.", exception.Message);
    }

    [Fact]
    public void A_type_without_a_fitting_constructor_is_refused_with_the_number_of_arguments()
    {
        var exception = Assert.Throws<MissingMethodException>(
            () => new AppBuilder().Use(typeof(Constructed), "one", "two"));
        Assert.Equal(
            "The class 'Owind.Tests.Builder.AppBuilderTests+Constructed' does not have a constructor taking 3 arguments.",
            exception.Message);
    }

    [Fact]
    public void What_a_middleware_throws_at_Build_arrives_as_TargetInvocationException()
    {
        AppBuilder builder = new AppBuilder().Use(new MidFunc(_ => throw new InvalidOperationException("mine")));
        var exception = Assert.Throws<TargetInvocationException>(() => builder.Build(typeof(AppFunc)));
        Assert.Equal("mine", exception.InnerException!.Message);
    }

    [Fact]
    public void New_shares_the_Properties_and_has_no_middleware()
    {
        AppBuilder builder = Over("app").Use(new Func<string, string>(next => next + "!"));
        AppBuilder branch = builder.New();
        Assert.Same(builder.Properties, branch.Properties);
        Assert.Equal("app", branch.Build(typeof(string)));
    }

    [Fact]
    public void A_chain_of_plain_delegates_is_served_by_the_applications_own_delegate()
    {
        AppFunc made = _ => Task.CompletedTask;
        AppBuilder builder = new AppBuilder().Use(new MidFunc(_ => made));
        Assert.Same(made, builder.Build(typeof(AppFunc)));
    }

    [Fact]
    public void The_delegate_of_an_instance_calls_its_method_directly()
    {
        var builder = new AppBuilder();
        builder.Use(typeof(Terminal));
        AppFunc app = Build<AppFunc>(builder);
        Assert.IsType<Terminal>(app.Target);
        Assert.Equal(typeof(Terminal).GetMethod("Invoke"), app.Method);
    }

    public class Terminal
    {
        public Terminal(AppFunc next)
        {
            _ = next;
        }

        public Task Invoke(IDictionary<string, object> environment) => Task.CompletedTask;
    }
}
