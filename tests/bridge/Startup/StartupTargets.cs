// What the startups of the tests call, and startup classes that a string can name. Each test reads the marks that its
// own call left in the Properties.

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owin;

namespace Owind.Tests.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;
using MidFunc = Func<Func<IDictionary<string, object>, Task>, Func<IDictionary<string, object>, Task>>;

public static class Targets
{
    public static readonly AppFunc Application = environment =>
    {
        environment["served"] = true;
        return Task.CompletedTask;
    };

    public static void Mark(IAppBuilder builder) => builder.Properties["ran"] = true;

    public static void MarkProperties(IDictionary<string, object> properties) => properties["ran"] = true;

    public static void Serve(IAppBuilder builder) =>
        builder.Use(new Func<AppFunc, AppFunc>(_ => Application));

    public static AppFunc Return() => Application;

    public static AppFunc ReturnFor(IDictionary<string, object> properties)
    {
        properties["seen"] = true;
        return Application;
    }

    public static void UseMiddleware(Action<MidFunc> use) => use(_ => Application);

    public static void UseFactory(Action<Func<IDictionary<string, object>, MidFunc>> use) => use(properties =>
    {
        properties["seen"] = true;
        return _ => Application;
    });

    public static object? ReturnNull() => null;

    public static void Throw(IAppBuilder builder) =>
        throw new InvalidOperationException("no database", new TimeoutException("5 s"));

    public static void UseWrongly(IAppBuilder builder) => builder.Use(new Uri("http://x/"));

    public static void ThrowAtBuild(IAppBuilder builder) =>
        builder.Use(new MidFunc(_ => throw new InvalidOperationException("late")));

    public static AppFunc NotAccepted(IAppBuilder builder) => Application;

    public static void Takes(string text) => throw new InvalidOperationException(text);
}

public class Many
{
    public static void Configuration(IAppBuilder builder) => builder.Properties["ran"] = "Configuration";

    public static void Foo(IAppBuilder builder) => builder.Properties["ran"] = "Foo";

    public void Instance(IAppBuilder builder) => builder.Properties["ran"] = "Instance of " + GetType().Name;

    public static AppFunc Properties(IDictionary<string, object> properties) => Targets.ReturnFor(properties);

    public static AppFunc Nothing() => Targets.Return();

    public static void Middleware(Action<MidFunc> use) => Targets.UseMiddleware(use);

    public static void Factory(Action<Func<IDictionary<string, object>, MidFunc>> use) => Targets.UseFactory(use);

    public static AppFunc Wrong(IAppBuilder builder) => Targets.NotAccepted(builder);

    public static void Wrong(string text) => Targets.Takes(text);

    public static void Derived(IBuilder builder) => throw new InvalidOperationException(builder.ToString());

    public static void Overloaded(int number) => throw new InvalidOperationException(number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public static void Overloaded(IAppBuilder builder) => builder.Properties["ran"] = "Overloaded";

    public static void Throwing(IAppBuilder builder) => Targets.Throw(builder);

    internal static void Hidden(IAppBuilder builder) => Targets.Mark(builder);

    public static object AnObject() => new WithInvoke();

    public static object NoApplication() => new();

    public static object? NullApplication() => null;

    public sealed class WithInvoke
    {
        public Task Invoke(object environment) => Targets.Application((IDictionary<string, object>)environment);
    }

    public static class Nested
    {
        public static void Configuration(IAppBuilder builder) => builder.Properties["ran"] = "Nested";
    }

    public interface IBuilder : IAppBuilder
    {
    }
}

public class ManyHeir : Many
{
}

public sealed class WithServices
{
    private readonly string _got;

    public WithServices()
    {
        _got = "nothing";
    }

    public WithServices(IServiceProvider services, int number)
    {
        _got = (services == null ? "null" : "services") + "," + number;
    }

    public void Configuration(IAppBuilder builder) => builder.Properties["ran"] = _got;
}

public sealed class WithTwoConstructors
{
    private readonly string _got = "nothing";

    public WithTwoConstructors()
    {
    }

    public WithTwoConstructors(string one)
    {
        _got = one;
    }

    public WithTwoConstructors(string one, string two)
    {
        _got = one + two;
    }

    public void Configuration(IAppBuilder builder) => builder.Properties["ran"] = _got;
}

public sealed class FailingConstructor
{
    public FailingConstructor()
    {
        throw new InvalidOperationException("cannot be made");
    }

    public void Configuration(IAppBuilder builder) => Targets.Mark(builder);
}
