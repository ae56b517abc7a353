// Conversions between signatures: by the public Invoke, registered, in several hops.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading.Tasks;
using Xunit;

namespace Owind.Tests.Builder;

using AppFunc = Func<IDictionary<string, object>, Task>;

public class SignatureConversionTests
{
    public delegate string One(string call);

    public delegate string Two(string call);

    private static AppBuilder Over(object defaultApp)
    {
        var builder = new AppBuilder();
        builder.Properties["builder.DefaultApp"] = defaultApp;
        return builder;
    }

    private static void Add(AppBuilder builder, Delegate conversion) =>
        ((Action<Delegate>)builder.Properties["builder.AddSignatureConversion"])(conversion);

    [Fact]
    public void Delegates_of_the_same_shape_convert_by_themselves()
    {
        AppBuilder builder = Over(new Func<string, string>(call => call))
            .Use(new Func<One, One>(next => call => next(call) + "1"))
            .Use(new Func<Two, Two>(next => call => next(call) + "2"));
        Assert.Equal("021", ((Two)builder.Build(typeof(Two))!)("0"));
    }

    [Fact]
    public void Parameters_may_be_wider_and_results_narrower()
    {
        AppBuilder builder = Over(new Wide());
        Assert.Equal("wide:x", ((Func<string, object>)builder.Build(typeof(Func<string, object>))!)("x"));
    }

    public class Wide
    {
        public string Invoke(object call) => "wide:" + call;
    }

    [Fact]
    public void A_public_Invoke_of_the_wrong_shape_does_not_convert()
    {
        Assert.Throws<ArgumentException>(() => Over(new Wide()).Build(typeof(Func<int, object>)));
        Assert.Throws<ArgumentException>(() => Over(new Wide()).Build(typeof(Func<string, int>)));
        Assert.Throws<ArgumentException>(() => Over(new Wide()).Build(typeof(Func<string, string, object>)));
    }

    [Fact]
    public void Any_delegate_type_is_taken_as_it_is_by_the_base_class()
    {
        AppFunc app = _ => Task.CompletedTask;
        Assert.Same(app, Over(app).Build(typeof(Delegate)));
        Assert.Throws<ArgumentException>(() => Over(new Wide()).Build(typeof(MulticastDelegate)));
    }

    [Fact]
    public void A_registered_conversion_stands_between_two_signatures()
    {
        AppBuilder builder = Over("42");
        Add(builder, new Func<string, int>(app => int.Parse(app, CultureInfo.InvariantCulture) + 1));
        Add(builder, new Func<int, string>(app => app.ToString(CultureInfo.InvariantCulture) + "2"));
        builder.Use(new Func<string, string>(app => app + "3")).Use(new Func<int, int>(app => app + 4));
        Assert.Equal(4724, builder.Build(typeof(int)));
    }

    [Fact]
    public void A_conversion_may_be_registered_after_the_Use_that_needs_it()
    {
        AppBuilder builder = Over("5").Use(new Func<int, int>(app => app * 2));
        Add(builder, new Func<string, int>(app => int.Parse(app, CultureInfo.InvariantCulture)));
        Assert.Equal(10, builder.Build(typeof(int)));
    }

    [Fact]
    public void A_conversion_registered_through_a_branch_serves_the_trunk()
    {
        AppBuilder builder = Over("5");
        Add(builder.New(), new Func<string, int>(app => 9));
        Assert.Equal(9, builder.Build(typeof(int)));
    }

    [Fact]
    public void A_second_conversion_between_the_same_types_replaces_the_first()
    {
        AppBuilder builder = Over("5");
        Add(builder, new Func<string, int>(_ => 1));
        Add(builder, new Func<string, int>(_ => 2));
        Assert.Equal(2, builder.Build(typeof(int)));
    }

    public sealed class A
    {
    }

    public sealed class B
    {
        public string Invoke(string call) => "b:" + call;
    }

    public sealed class C
    {
    }

    [Fact]
    public void A_conversion_is_tried_with_a_hop_before_and_after_it()
    {
        AppBuilder builder = Over(new A());
        Add(builder, new Func<A, B>(_ => new B()));
        Assert.Equal("b:x", ((One)builder.Build(typeof(One))!)("x"));

        AppBuilder before = Over(new B());
        Add(before, new Func<One, C>(_ => new C()));
        Assert.IsType<C>(before.Build(typeof(C)));

        AppBuilder two = Over(new A());
        Add(two, new Func<A, B>(_ => new B()));
        Add(two, new Func<B, C>(_ => new C()));
        Assert.IsType<C>(two.Build(typeof(C)));
    }

    [Fact]
    public void A_conversion_that_gives_null_is_passed_over()
    {
        AppBuilder builder = Over(new A());
        Add(builder, new Func<A, B?>(_ => null));
        Add(builder, new Func<A, One>(_ => call => "one:" + call));
        Assert.Equal("one:x", ((Two)builder.Build(typeof(Two))!)("x"));
    }

    [Fact]
    public void The_default_application_is_converted_too()
    {
        var builder = new AppBuilder();
        Add(builder, new Func<AppFunc, C>(_ => new C()));
        Assert.IsType<C>(builder.Build(typeof(C)));
    }

    [Fact]
    public void Without_a_conversion_both_types_are_named()
    {
        var exception = Assert.Throws<ArgumentException>("signature", () => Over(new A()).Build(typeof(C)));
        Assert.StartsWith(
            "No conversion available between Owind.Tests.Builder.SignatureConversionTests+A and "
            + "Owind.Tests.Builder.SignatureConversionTests+C.",
            exception.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_conversion_takes_exactly_one_parameter()
    {
        var exception = Assert.Throws<ArgumentException>(
            "conversion", () => Add(new AppBuilder(), new Func<A, A, B>((_, _) => new B())));
        Assert.StartsWith("Conversion delegate must take one parameter.", exception.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("conversion", () => Add(new AppBuilder(), new Func<B>(() => new B())));
        Assert.Throws<ArgumentNullException>("conversion", () => Add(new AppBuilder(), null!));
    }
}
