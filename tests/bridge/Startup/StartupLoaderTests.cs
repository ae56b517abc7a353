// Discovery by attribute, convention and string, in given candidates. One test for each text of the error list.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Loader;
using System.Threading.Tasks;
using Owin;
using Owind.Tests.Support;
using Xunit;
using Bare = Owind.Tests.Attributes.Bare.OwinStartupAttribute;
using Full = Owind.Tests.Attributes.OwinStartupAttribute;
using Misshapen = Owind.Tests.Attributes.Misshapen.OwinStartupAttribute;
using Throwing = Owind.Tests.Attributes.Throwing.OwinStartupAttribute;

namespace Owind.Tests.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;

public class StartupLoaderTests
{
    private const string ManyName = "Owind.Tests.Startup.Many";

    private readonly List<string> _errors = new();

    private static Assembly Load(TinyAssembly tiny) => tiny.LoadInto(AssemblyLoadContext.Default);

    private static Assembly Here => typeof(StartupLoaderTests).Assembly;

    private Delegate? Find(string? startup, params Assembly[] candidates) =>
        StartupLoader.Load(startup, _errors, candidates);

    private IDictionary<string, object> Run(Delegate? action)
    {
        Assert.True(action != null, string.Join("\n", _errors));
        var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        Assert.IsType<Action<IAppBuilder>>(action)(builder);
        return builder.Properties;
    }

    private async Task<IDictionary<string, object>> Serve(Delegate? action)
    {
        Assert.True(action != null, string.Join("\n", _errors));
        var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        Assert.IsType<Action<IAppBuilder>>(action)(builder);
        var environment = new Dictionary<string, object>();
        await ((AppFunc)builder.Build(typeof(AppFunc)))(environment);
        Assert.Equal(true, environment["served"]);
        return builder.Properties;
    }

    // --- attribute -------------------------------------------------------------------------------------------

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void An_attribute_names_the_startup(string? startup)
    {
        Assembly assembly = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark).Attribute(typeof(Full), "My.Boot"));
        Assert.Equal(true, Run(Find(startup, assembly))["ran"]);
        Assert.Empty(_errors);
    }

    [Fact]
    public void An_attribute_may_name_a_method_too()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark, "Other")
            .Attribute(typeof(Full), "", "My.Boot", "Other"));
        Assert.Equal(true, Run(Find("", assembly))["ran"]);
    }

    [Fact]
    public void A_friendly_name_chooses_among_attributes_in_any_case()
    {
        Assembly assembly = Load(new TinyAssembly()
            .Startup("My.Boot", Targets.Throw).Startup("My.Test", Targets.Mark)
            .Attribute(typeof(Full), "My.Boot").Attribute(typeof(Full), "Testing", "My.Test", ""));
        Assert.Equal(true, Run(Find("tesTING", assembly))["ran"]);
    }

    [Fact]
    public void The_optional_properties_of_the_attribute_may_be_missing()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark).Attribute(typeof(Bare), "My.Boot"));
        Assert.Equal(true, Run(Find("", assembly))["ran"]);
    }

    [Fact]
    public void The_attribute_may_name_a_type_of_another_assembly()
    {
        Assembly assembly = Load(new TinyAssembly().Attribute(typeof(Full), typeof(Many).AssemblyQualifiedName));
        Assert.Equal("Configuration", Run(Find("", assembly))["ran"]);
    }

    [Fact]
    public void The_attribute_goes_before_the_convention()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("Startup", Targets.Throw).Startup("My.Boot", Targets.Mark)
            .Attribute(typeof(Full), "My.Boot"));
        Assert.Equal(true, Run(Find("", assembly))["ran"]);
    }

    [Fact]
    public void Text_no_attribute()
    {
        Assert.Null(Find("", Load(new TinyAssembly())));
        Assert.Contains("No assembly found containing an OwinStartupAttribute.", _errors);
    }

    [Fact]
    public void Text_friendly_name_differs()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark)
            .Attribute(typeof(Full), "One", "My.Boot", ""));
        Assert.Null(Find("Two", assembly));
        Assert.Equal(
            $"The OwinStartupAttribute.FriendlyName value 'One' does not match the given value 'Two' in Assembly '{assembly.FullName}'.",
            _errors[0]);
    }

    [Fact]
    public void Text_duplicate_attribute()
    {
        Assembly one = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark).Attribute(typeof(Full), "Name", "My.Boot", ""));
        Assembly two = Load(new TinyAssembly().Startup("Her.Boot", Targets.Mark).Attribute(typeof(Full), "NAME", "Her.Boot", ""));
        Assert.Null(Find("name", one, two));
        Assert.Equal(
            $"The OwinStartup attribute discovered in assembly '{one.GetName().Name}' referencing startup type 'My.Boot' conflicts "
            + $"with the attribute in assembly '{two.GetName().Name}' referencing startup type 'Her.Boot' because they have the same "
            + "FriendlyName 'name'. Remove or rename one of the attributes, or reference the desired type directly.",
            _errors[0]);
    }

    [Fact]
    public void A_conflict_of_attributes_is_not_settled_by_the_convention()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("Startup", Targets.Mark).Startup("My.Boot", Targets.Mark)
            .Attribute(typeof(Full), "My.Boot").Attribute(typeof(Full), "Startup"));
        Assert.Null(Find("", assembly));
        Assert.Single(_errors);
    }

    [Fact]
    public void Text_attribute_lacks_its_property()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark).Attribute(typeof(Misshapen), "My.Boot"));
        Assert.Null(Find("", assembly));
        Assert.Equal(
            $"The type '{typeof(Misshapen).AssemblyQualifiedName}' referenced from assembly '{assembly.FullName}' does not define a "
            + "property 'StartupType' of type 'Type'.",
            _errors[0]);
        Assert.DoesNotContain("No assembly found containing an OwinStartupAttribute.", _errors);
    }

    [Fact]
    public void Text_StartupType_is_null()
    {
        Assembly assembly = Load(new TinyAssembly().Attribute(typeof(Full), null));
        Assert.Null(Find("", assembly));
        Assert.Equal($"The OwinStartupAttribute.StartupType value is empty in Assembly '{assembly.FullName}'.", _errors[0]);
    }

    [Fact]
    public void An_attribute_that_throws_is_a_line_and_no_more()
    {
        Assembly broken = Load(new TinyAssembly().Startup("My.Boot", Targets.Throw).Attribute(typeof(Throwing), "My.Boot"));
        Assembly good = Load(new TinyAssembly().Startup("Startup", Targets.Mark));
        Assert.Equal(true, Run(Find("", broken, good))["ran"]);
        Assert.Contains(broken.FullName!, _errors[0], StringComparison.Ordinal);
        Assert.Contains("no Boot today", _errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public void An_attribute_for_a_type_that_is_not_there_is_a_line_and_no_more()
    {
        Assembly broken = Load(new TinyAssembly().Attribute(typeof(Full), "Gone.Boot, Gone"));
        Assembly good = Load(new TinyAssembly().Startup("Startup", Targets.Mark));
        Assert.Equal(true, Run(Find("", broken, good))["ran"]);
        Assert.Contains("Gone", _errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_attribute_in_a_missing_assembly_disturbs_nothing()
    {
        var missing = new TinyAssembly();
        TypeBuilder type = missing.Class("Missing.Attribute", typeof(Attribute));
        type.DefineDefaultConstructor(MethodAttributes.Public);
        Type elsewhere = missing.LoadInto(new AssemblyLoadContext("elsewhere")).GetType("Missing.Attribute")!;
        Assembly assembly = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark)
            .AttributeWithoutArguments(elsewhere).Attribute(typeof(Full), "My.Boot"));
        Assert.ThrowsAny<Exception>(() => assembly.GetCustomAttributes(false));
        Assert.Equal(true, Run(Find("", assembly))["ran"]);
        Assert.Empty(_errors);
    }

    [Fact]
    public void An_OwinStartupAttribute_in_a_missing_assembly_is_a_line_and_no_more()
    {
        var missing = new TinyAssembly();
        TypeBuilder type = missing.Class("Missing.OwinStartupAttribute", typeof(Attribute));
        type.DefineDefaultConstructor(MethodAttributes.Public);
        Type elsewhere = missing.LoadInto(new AssemblyLoadContext("elsewhere")).GetType("Missing.OwinStartupAttribute")!;
        Assembly assembly = Load(new TinyAssembly().Startup("Startup", Targets.Mark).AttributeWithoutArguments(elsewhere));
        Assert.Equal(true, Run(Find("", assembly))["ran"]);
        Assert.Contains(missing.Name, Assert.Single(_errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_candidate_that_was_made_in_memory_is_searched_too()
    {
        AssemblyBuilder dynamic = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Dynamic"), AssemblyBuilderAccess.Run);
        TypeBuilder type = dynamic.DefineDynamicModule("Dynamic").DefineType("Dynamic.Boot", TypeAttributes.Public);
        TinyAssembly.Method(type, "Configuration", ((Func<AppFunc>)Targets.Return).Method);
        type.CreateType();
        dynamic.SetCustomAttribute(new CustomAttributeBuilder(typeof(Full).GetConstructor([typeof(Type)])!, [typeof(Many)]));
        Assert.Equal("Configuration", Run(Find("", dynamic))["ran"]);
        await Serve(Find("Dynamic.Boot", dynamic));
        Assert.Null(Find("Dynamic.Gone", dynamic));
    }

    // --- convention ------------------------------------------------------------------------------------------

    [Fact]
    public void A_class_Startup_without_namespace_is_found()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("Startup", Targets.Mark));
        Assert.Equal(true, Run(Find("", Load(new TinyAssembly()), assembly))["ran"]);
    }

    [Fact]
    public void A_class_Startup_in_the_namespace_of_its_assembly_is_found()
    {
        var tiny = new TinyAssembly();
        Assert.Equal(true, Run(Find("", Load(tiny.Startup(tiny.Name + ".Startup", Targets.Mark))))["ran"]);
    }

    [Fact]
    public void A_class_Startup_in_another_namespace_is_not_found()
    {
        Assert.Null(Find("", Load(new TinyAssembly().Startup("Other.Startup", Targets.Mark))));
    }

    [Fact]
    public void Text_no_conventional_class()
    {
        Assert.Null(Find("", Load(new TinyAssembly())));
        Assert.Equal("No assembly found containing a Startup or [AssemblyName].Startup class.", _errors[1]);
    }

    [Fact]
    public void Text_duplicate_convention()
    {
        Assembly one = Load(new TinyAssembly().Startup("Startup", Targets.Mark));
        Assembly two = Load(new TinyAssembly().Startup("Startup", Targets.Mark));
        Assert.Null(Find("", one, two));
        Assert.Equal(
            $"The discovered startup type '{one.GetType("Startup")!.AssemblyQualifiedName}' conflicts with the type "
            + $"'{two.GetType("Startup")!.AssemblyQualifiedName}'. Remove or rename one of the types, or reference the desired "
            + "type directly.",
            _errors[1]);
    }

    [Fact]
    public void Two_conventional_classes_in_one_assembly_conflict()
    {
        var tiny = new TinyAssembly();
        Assert.Null(Find("", Load(tiny.Startup("Startup", Targets.Mark).Startup(tiny.Name + ".Startup", Targets.Mark))));
        Assert.Contains("conflicts with the type", _errors[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Text_no_method()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("Startup", Targets.Mark, "Configure"));
        Assert.Null(Find("", assembly));
        Assert.Equal(
            $"No 'Configuration' method was found in class '{assembly.GetType("Startup")!.AssemblyQualifiedName}'.", _errors[1]);
    }

    // --- string ----------------------------------------------------------------------------------------------

    [Theory]
    [InlineData(ManyName, "Configuration")]
    [InlineData(ManyName + ".Foo", "Foo")]
    [InlineData(ManyName + ".Instance", "Instance of Many")]
    [InlineData(ManyName + "+Nested", "Nested")]
    [InlineData(ManyName + "+Nested.Configuration", "Nested")]
    [InlineData("." + ManyName + ".Foo.", "Foo")]
    [InlineData(ManyName + ", Owind.Bridge.Tests", "Configuration")]
    [InlineData(ManyName + ".Foo,Owind.Bridge.Tests", "Foo")]
    [InlineData("Owind.Tests.Startup.ManyHeir.Instance", "Instance of ManyHeir")]
    [InlineData(ManyName + ".Overloaded", "Overloaded")]
    public void A_string_names_type_and_method(string startup, string ran) =>
        Assert.Equal(ran, Run(Find(startup, Here))["ran"]);

    [Fact]
    public void An_assembly_qualified_name_names_the_type() =>
        Assert.Equal("Configuration", Run(Find(typeof(Many).AssemblyQualifiedName))["ran"]);

    [Fact]
    public void Without_an_assembly_the_first_candidate_that_has_the_type_is_taken()
    {
        Assembly other = Load(new TinyAssembly());
        Assembly first = Load(new TinyAssembly().Startup("My.Boot", Targets.Mark));
        Assembly second = Load(new TinyAssembly().Startup("My.Boot", Targets.Throw));
        Assert.Equal(true, Run(Find("My.Boot", other, first, second))["ran"]);
    }

    [Fact]
    public void A_friendly_name_goes_before_a_type_name()
    {
        Assembly assembly = Load(new TinyAssembly().Startup("Boot", Targets.Throw).Startup("My.Boot", Targets.Mark)
            .Attribute(typeof(Full), "Boot", "My.Boot", ""));
        Assert.Equal(true, Run(Find("Boot", assembly))["ran"]);
    }

    [Theory]
    [InlineData(ManyName + ".Foo.Bar")]
    [InlineData(ManyName + "..Foo")]
    [InlineData("owind.tests.startup.many")]
    [InlineData(".")]
    [InlineData(" ")]
    [InlineData(ManyName + ".Hidden")]
    [InlineData(ManyName + ".foo")]
    [InlineData(",")]
    [InlineData(",Owind.Bridge.Tests")]
    [InlineData(ManyName + ",")]
    [InlineData(ManyName + ",=,,=")]
    public void A_string_that_names_nothing_is_no_startup_and_says_why(string startup)
    {
        Assert.Null(Find(startup, Here));
        Assert.NotEmpty(_errors);
    }

    [Fact]
    public void Text_assembly_missing()
    {
        Assert.Null(Find("My.Boot, No.Such", Here));
        Assert.Equal("For the app startup parameter value 'My.Boot, No.Such', the assembly 'No.Such' was not found.", Assert.Single(_errors));
    }

    [Fact]
    public void Text_class_missing()
    {
        Assert.Null(Find("My.Boot, Owind.Bridge.Tests", Here));
        Assert.Equal(
            [
                $"For the app startup parameter value 'My.Boot, Owind.Bridge.Tests', the class 'My.Boot' was not found in assembly '{Here.FullName}'.",
                $"For the app startup parameter value 'My.Boot, Owind.Bridge.Tests', the class 'My' was not found in assembly '{Here.FullName}'.",
            ],
            _errors);
    }

    [Fact]
    public void Text_string_unresolved()
    {
        Assert.Null(Find("My.Boot", Here));
        Assert.Equal("The given type or method 'My.Boot' was not found. Try specifying the Assembly.", _errors[^1]);
    }

    [Fact]
    public void Text_bad_signature()
    {
        Assert.Null(Find(ManyName + ".Wrong", Here));
        Assert.Equal(
            $"The 'Wrong' method on class '{typeof(Many).AssemblyQualifiedName}' does not have the expected signature 'void Wrong(IAppBuilder)'.",
            _errors[^1]);
    }

    [Fact]
    public void A_parameter_that_only_derives_from_IAppBuilder_is_a_bad_signature()
    {
        Assert.Null(Find(ManyName + ".Derived", Here));
        Assert.Contains("does not have the expected signature", _errors[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_method_that_is_missing_is_named()
    {
        Assert.Null(Find(ManyName + ".Gone", Here));
        Assert.Equal($"No 'Gone' method was found in class '{typeof(Many).AssemblyQualifiedName}'.", _errors[^1]);
    }

    // --- forms of the method ---------------------------------------------------------------------------------

    [Fact]
    public async Task A_method_over_the_Properties_returns_the_application() =>
        Assert.Equal(true, (await Serve(Find(ManyName + ".Properties", Here)))["seen"]);

    [Fact]
    public async Task A_method_without_parameters_returns_the_application() => await Serve(Find(ManyName + ".Nothing", Here));

    [Fact]
    public async Task A_method_over_Action_of_MidFunc_adds_middleware() => await Serve(Find(ManyName + ".Middleware", Here));

    [Fact]
    public async Task A_method_over_BuildFunc_adds_middleware_made_with_the_Properties() =>
        Assert.Equal(true, (await Serve(Find(ManyName + ".Factory", Here)))["seen"]);

    [Fact]
    public void A_method_that_returns_the_application_is_not_called_before_Build()
    {
        IDictionary<string, object> properties = Run(Find(ManyName + ".Properties", Here));
        Assert.False(properties.ContainsKey("seen"));
    }

    [Fact]
    public async Task An_application_without_any_IAppBuilder_gets_an_action_over_object()
    {
        var tiny = new TinyAssembly().Startup("Startup", Targets.Return);
        Assembly assembly = tiny.LoadInto(new AssemblyLoadContext("pure"));
        Delegate? action = Find("", assembly);
        var builder = new AppBuilder();
        Assert.IsType<Action<object>>(action)(builder);
        var environment = new Dictionary<string, object>();
        await ((AppFunc)builder.Build(typeof(AppFunc))!)(environment);
        Assert.Equal(true, environment["served"]);
        Assert.Throws<ArgumentException>(() => ((Action<object>)action!)(new object()));
    }

    [Fact]
    public void An_application_with_an_IAppBuilder_of_its_own_gets_an_action_over_that()
    {
        var tiny = new TinyAssembly();
        TypeBuilder type = tiny.AppBuilderInterface(isPublic: false);
        Assembly assembly = Load(tiny.StartupOverOwnBuilder("Startup", type, Targets.MarkProperties));
        Delegate? action = Find("", assembly);
        Type own = assembly.GetType("Owin.IAppBuilder")!;
        Assert.Equal(typeof(Action<>).MakeGenericType(own), action!.GetType());
        object builder = AppBuilderFactory.Create(own);
        action.DynamicInvoke(builder);
        var properties = (IDictionary<string, object>)own.GetProperty("Properties")!.GetValue(builder)!;
        Assert.Equal(true, properties["ran"]);
    }

    [Fact]
    public async Task The_result_may_be_any_object_that_converts_to_an_application() =>
        await Serve(Find(ManyName + ".AnObject", Here));

    [Fact]
    public void A_result_that_is_no_application_is_a_conversion_that_is_missing_and_null_is_no_application()
    {
        foreach (string method in new[] { "NoApplication", "NullApplication" })
        {
            var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
            ((Action<IAppBuilder>)Find(ManyName + "." + method, Here)!)(builder);
            if (method == "NullApplication")
            {
                Assert.Null(builder.Build(typeof(AppFunc)));
            }
            else
            {
                Assert.StartsWith("No conversion available between System.Object and ",
                    Assert.Throws<ArgumentException>("signature", () => builder.Build(typeof(AppFunc))).Message, StringComparison.Ordinal);
            }
        }
    }

    // --- instances and the wrapper ---------------------------------------------------------------------------

    [Fact]
    public void The_one_constructor_with_parameters_gets_what_the_host_has_which_is_nothing() =>
        Assert.Equal("null,0", Run(Find("Owind.Tests.Startup.WithServices", Here))["ran"]);

    [Fact]
    public void With_several_such_constructors_the_parameterless_one_is_used() =>
        Assert.Equal("nothing", Run(Find("Owind.Tests.Startup.WithTwoConstructors", Here))["ran"]);

    [Fact]
    public void An_instance_is_made_when_the_startup_is_found() =>
        Assert.Equal("cannot be made", Assert.Throws<TargetInvocationException>(
            () => Find("Owind.Tests.Startup.FailingConstructor", Here)).InnerException!.Message);

    [Fact]
    public void HostAppName_becomes_the_name_of_the_startup_unless_it_is_set()
    {
        Delegate? action = Find(ManyName, Here);
        Assert.Equal(ManyName, Run(action)["host.AppName"]);
        var builder = (IAppBuilder)AppBuilderFactory.Create(typeof(IAppBuilder));
        builder.Properties["host.AppName"] = " ";
        ((Action<IAppBuilder>)action!)(builder);
        Assert.Equal(ManyName, builder.Properties["host.AppName"]);
        builder.Properties["host.AppName"] = "mine";
        ((Action<IAppBuilder>)action)(builder);
        Assert.Equal("mine", builder.Properties["host.AppName"]);
    }

    [Fact]
    public void What_Configuration_throws_arrives_as_TargetInvocationException()
    {
        var exception = Assert.Throws<TargetInvocationException>(() => Run(Find(ManyName + ".Throwing", Here)));
        Assert.Equal("no database", exception.InnerException!.Message);
    }

    [Fact]
    public void The_action_needs_a_builder() =>
        Assert.Throws<ArgumentNullException>("builder", () => ((Action<IAppBuilder>)Find(ManyName, Here)!)(null!));

    [Fact]
    public void Without_candidates_the_folder_of_the_program_is_searched() =>
        Assert.Equal("Foo", Run(StartupLoader.Load(ManyName + ".Foo", _errors))["ran"]);

    [Fact]
    public void The_list_of_errors_is_needed() =>
        Assert.Throws<ArgumentNullException>("errors", () => StartupLoader.Load("", null!));

    [Fact]
    public void A_startup_whose_base_class_is_missing_says_so()
    {
        var missing = new TinyAssembly();
        missing.Class("Missing.Base").DefineDefaultConstructor(MethodAttributes.Public);
        Type parent = missing.LoadInto(new AssemblyLoadContext("elsewhere")).GetType("Missing.Base")!;
        var tiny = new TinyAssembly();
        TinyAssembly.Method(tiny.Class("Startup", parent), "Configuration", ((Action<IAppBuilder>)Targets.Throw).Method);
        Assembly assembly = Load(tiny);
        foreach (string startup in new[] { "", "Startup", "Startup, " + tiny.Name })
        {
            _errors.Clear();
            Assert.Null(Find(startup, assembly));
            Assert.StartsWith($"The class 'Startup' in assembly '{assembly.FullName}' could not be loaded: ", _errors[^1], StringComparison.Ordinal);
            Assert.Contains(missing.Name, _errors[^1], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_method_whose_parameter_type_is_missing_says_so()
    {
        var missing = new TinyAssembly();
        TypeBuilder builder = missing.AppBuilderInterface();
        Type elsewhere = missing.LoadInto(new AssemblyLoadContext("elsewhere")).GetType("Owin.IAppBuilder")!;
        var tiny = new TinyAssembly();
        MethodBuilder method = tiny.Class("Startup").DefineMethod(
            "Configuration", MethodAttributes.Public | MethodAttributes.Static, typeof(void), [elsewhere]);
        method.GetILGenerator().Emit(OpCodes.Ret);
        Assert.Null(Find("", Load(tiny)));
        Assert.Contains(missing.Name, _errors[1], StringComparison.Ordinal);
        Assert.StartsWith("The 'Configuration' method on class 'Startup,", _errors[1], StringComparison.Ordinal);
    }
}
