// The application's own IAppBuilder, implemented at run time wherever the interface lives.

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading.Tasks;
using Owin;
using Owind.Tests.Support;
using Xunit;

namespace Owind.Tests.Builder;

using AppFunc = Func<IDictionary<string, object>, Task>;
using MidFunc = Func<Func<IDictionary<string, object>, Task>, Func<IDictionary<string, object>, Task>>;

public class AppBuilderFactoryTests
{
    private static void CheckByReflection(object builder, Type type)
    {
        Assert.True(type.IsInstanceOfType(builder));
        var properties = (IDictionary<string, object>)type.GetMethod("get_Properties")!.Invoke(builder, null)!;
        Assert.True(properties.ContainsKey("builder.DefaultApp"));
        AppFunc made = _ => Task.CompletedTask;
        object same = type.GetMethod("Use")!.Invoke(builder, [new MidFunc(_ => made), Array.Empty<object>()])!;
        Assert.Same(builder, same);
        Assert.Same(made, type.GetMethod("Build")!.Invoke(builder, [typeof(AppFunc)]));
        object branch = type.GetMethod("New")!.Invoke(builder, null)!;
        Assert.True(type.IsInstanceOfType(branch));
        Assert.NotSame(builder, branch);
        Assert.Same(properties, type.GetMethod("get_Properties")!.Invoke(branch, null));
        Assert.NotSame(made, type.GetMethod("Build")!.Invoke(branch, [typeof(AppFunc)]));
    }

    [Fact]
    public void The_object_implements_the_interface()
    {
        var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        CheckByReflection(builder, typeof(IAppBuilder));
    }

    [Fact]
    public void Use_returns_the_builder_so_that_calls_chain()
    {
        var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        builder.Properties["builder.DefaultApp"] = "app";
        builder.Use(new Func<string, string>(next => next + "1")).Use(new Func<string, string, string>((next, arg) => next + arg), "2");
        Assert.Equal("app21", builder.Build(typeof(string)));
    }

    [Fact]
    public void Each_builder_has_its_own_Properties()
    {
        var one = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        var two = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        Assert.NotSame(one.Properties, two.Properties);
        Assert.Same(one.GetType(), two.GetType());
    }

    [Fact]
    public void Exceptions_of_Use_reach_the_application_as_they_are()
    {
        var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        Assert.Throws<NotSupportedException>(() => builder.Use(new Uri("http://x/")));
    }

    [Fact]
    public void The_members_can_be_called_without_the_interface()
    {
        dynamic builder = AppBuilderFactory.Create(typeof(IAppBuilder));
        IDictionary<string, object> properties = builder.Properties;
        Assert.True(properties.ContainsKey("builder.DefaultApp"));
    }

    private interface IHidden
    {
        IDictionary<string, object> Properties { get; }

        object Build(Type type);

        IHidden New();

        IHidden Use(object middleware, params object[] args);
    }

    [Fact]
    public void A_private_interface_is_implemented()
    {
        var builder = (IHidden)AppBuilderFactory.Create(typeof(IHidden));
        Assert.Same(builder.Properties, builder.New().Properties);
        CheckByReflection(builder, typeof(IHidden));
    }

    [Fact]
    public void An_internal_interface_of_another_assembly_is_implemented()
    {
        var tiny = new TinyAssembly();
        tiny.AppBuilderInterface(isPublic: false);
        Type type = tiny.LoadInto(AssemblyLoadContext.Default).GetType("Owin.IAppBuilder")!;
        Assert.False(type.IsVisible);
        CheckByReflection(AppBuilderFactory.Create(type), type);
    }

    [Fact]
    public void An_interface_in_another_load_context_is_implemented_there()
    {
        var tiny = new TinyAssembly();
        tiny.AppBuilderInterface();
        var context = new AssemblyLoadContext("application");
        Type type = tiny.LoadInto(context).GetType("Owin.IAppBuilder")!;
        object builder = AppBuilderFactory.Create(type);
        CheckByReflection(builder, type);
        Assert.Same(context, AssemblyLoadContext.GetLoadContext(builder.GetType().Assembly));
    }

    [Fact]
    public void Two_interfaces_of_the_same_name_get_a_class_each()
    {
        var tiny = new TinyAssembly("Owin.Fork");
        tiny.AppBuilderInterface();
        byte[] bytes = tiny.ToBytes();
        Type one = new AssemblyLoadContext("one").LoadFromStream(new MemoryStream(bytes)).GetType("Owin.IAppBuilder")!;
        Type two = new AssemblyLoadContext("two").LoadFromStream(new MemoryStream(bytes)).GetType("Owin.IAppBuilder")!;
        Assert.NotSame(one, two);
        CheckByReflection(AppBuilderFactory.Create(one), one);
        CheckByReflection(AppBuilderFactory.Create(two), two);
    }

    [Fact]
    public void An_interface_that_can_be_unloaded_is_implemented()
    {
        var tiny = new TinyAssembly();
        tiny.AppBuilderInterface();
        Type type = tiny.LoadInto(new AssemblyLoadContext("unloadable", isCollectible: true)).GetType("Owin.IAppBuilder")!;
        CheckByReflection(AppBuilderFactory.Create(type), type);
    }

    [Fact]
    public void An_interface_of_a_NET_Framework_assembly_is_implemented()
    {
        using var stream = new MemoryStream(FrameworkAssembly.WithAppBuilder("Owin.Net40"));
        Type type = AssemblyLoadContext.Default.LoadFromStream(stream).GetType("Owin.IAppBuilder")!;
        Assert.Equal("mscorlib", type.Assembly.GetReferencedAssemblies()[0].Name);
        CheckByReflection(AppBuilderFactory.Create(type), type);
    }

    [Fact]
    public void The_bridge_may_stand_in_a_context_that_the_application_cannot_see()
    {
        var context = new AssemblyLoadContext("bridge");
        Assembly bridge = context.LoadFromAssemblyPath(typeof(AppBuilder).Assembly.Location);
        Assert.NotSame(typeof(AppBuilder).Assembly, bridge);
        object builder = bridge.GetType("Owind.AppBuilderFactory")!.GetMethod("Create")!.Invoke(null, [typeof(IAppBuilder)])!;
        CheckByReflection(builder, typeof(IAppBuilder));
    }

    public interface IExtended : IAppBuilder
    {
        string Extra(int number);

        string Supplied() => "by itself";
    }

    [Fact]
    public void Inherited_members_are_implemented_and_unknown_ones_refused_when_called()
    {
        var builder = (IExtended)AppBuilderFactory.Create(typeof(IExtended));
        CheckByReflection(builder, typeof(IAppBuilder));
        Assert.Equal("by itself", builder.Supplied());
        var exception = Assert.Throws<NotSupportedException>(() => builder.Extra(1));
        Assert.Contains("IExtended.Extra", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_an_interface_can_be_implemented()
    {
        Assert.Throws<ArgumentException>("iAppBuilder", () => AppBuilderFactory.Create(typeof(string)));
        Assert.Throws<ArgumentException>("iAppBuilder", () => AppBuilderFactory.Create(typeof(IList<>)));
        Assert.Throws<ArgumentNullException>("iAppBuilder", () => AppBuilderFactory.Create(null!));
    }

    private static Type FakeKatana(Action<IDictionary<string, object>> conversions)
    {
        var tiny = new TinyAssembly("Microsoft.Owin");
        TypeBuilder builder = tiny.AppBuilderInterface();
        tiny.StartupOverOwnBuilder(
            "Microsoft.Owin.Infrastructure.SignatureConversions", builder, conversions, "AddConversions");
        return tiny.LoadInto(new AssemblyLoadContext("katana")).GetType("Owin.IAppBuilder")!;
    }

    [Fact]
    public void The_conversions_of_the_applications_Microsoft_Owin_are_there_from_the_start()
    {
        Type type = FakeKatana(FakeConversions.Add);
        object builder = AppBuilderFactory.Create(type);
        object? built = type.GetMethod("Build")!.Invoke(builder, [typeof(StrongBox<AppFunc>)]);
        Assert.IsType<StrongBox<AppFunc>>(built);
    }

    [Fact]
    public void A_broken_Microsoft_Owin_is_the_reason_of_the_conversion_that_fails()
    {
        Type type = FakeKatana(FakeConversions.Fail);
        object builder = AppBuilderFactory.Create(type);
        Assert.NotNull(type.GetMethod("Build")!.Invoke(builder, [typeof(AppFunc)]));
        var exception = Assert.Throws<TargetInvocationException>(
            () => type.GetMethod("Build")!.Invoke(builder, [typeof(StrongBox<AppFunc>)]));
        Assert.IsType<ArgumentException>(exception.InnerException);
        Assert.Equal("half of me is missing", exception.InnerException!.InnerException!.Message);
    }

    [Fact]
    public void A_Microsoft_Owin_for_another_IAppBuilder_is_left_alone()
    {
        var context = new AssemblyLoadContext("mixed");
        var katana = new TinyAssembly("Microsoft.Owin");
        TypeBuilder other = katana.AppBuilderInterface();
        katana.StartupOverOwnBuilder("Microsoft.Owin.Infrastructure.SignatureConversions", other, FakeConversions.Add, "AddConversions");
        katana.LoadInto(context);
        var tiny = new TinyAssembly();
        tiny.AppBuilderInterface();
        Type type = tiny.LoadInto(context).GetType("Owin.IAppBuilder")!;
        CheckByReflection(AppBuilderFactory.Create(type), type);
    }

    // What the Microsoft.Owin of a tiny application does in AddConversions.
    public static class FakeConversions
    {
        public static void Add(IDictionary<string, object> properties) =>
            ((Action<Delegate>)properties["builder.AddSignatureConversion"])(
                new Func<AppFunc, StrongBox<AppFunc>>(app => new StrongBox<AppFunc>(app)));

        public static void Fail(IDictionary<string, object> properties) =>
            throw new FileNotFoundException("half of me is missing");
    }
}
