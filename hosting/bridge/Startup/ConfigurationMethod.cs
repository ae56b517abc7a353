// Recognises the methods that can configure an application and binds one of them. The forms, of which the first
// method in reflection order that has any is taken; parameter types must be exactly these, OWIN's own by full name:
//   void M(IAppBuilder)
//   non-void M(IDictionary<string, object>)    called with the Properties at Build, its result is the application
//   non-void M()                               the same
//   void M(Action<MidFunc>)                    where MidFunc = Func<AppFunc, AppFunc>
//   void M(BuildFunc)                          where BuildFunc = Action<Func<IDictionary<string, object>, MidFunc>>
// The last two are the forms of OWIN without any library.

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Threading.Tasks;

namespace Owind.Startup;

using AppFunc = Func<IDictionary<string, object>, Task>;
using MidFunc = Func<Func<IDictionary<string, object>, Task>, Func<IDictionary<string, object>, Task>>;

internal static class ConfigurationMethod
{
    internal const string BuilderTypeName = "Owin.IAppBuilder";

    /// <summary>
    /// The action for a discovered class and method, with the instance that it needs; null and a line of
    /// <paramref name="errors"/> when no method fits. What the class's constructor throws is thrown.
    /// </summary>
    public static StartupAction? Bind(StartupMatch match, IList<string> errors)
    {
        Type type = match.Type;
        string name = string.IsNullOrWhiteSpace(match.MethodName) ? StartupLoader.DefaultMethod : match.MethodName;
        bool misfit = false;
        foreach (MethodInfo method in type.GetMethods())
        {
            if (method.Name != name)
            {
                continue;
            }

            (Action<object, object?> Run, Type? Builder)? form = null;
            try
            {
                form = Form(method);
            }
            catch (Exception exception) when (exception is System.IO.IOException or TypeLoadException or BadImageFormatException)
            {
                // A parameter's type is in an assembly that is not here.
                errors.Add(StartupTexts.Format(
                    StartupTexts.MethodUnreadable, name, type.AssemblyQualifiedName, StartupTexts.Describe(exception)));
            }

            if (form != null)
            {
                object? instance = method.IsStatic ? null : StartupActivator.Create(type);
                return new StartupAction(type, form.Value.Builder, instance, form.Value.Run);
            }

            misfit = true;
        }

        errors.Add(StartupTexts.Format(
            misfit ? StartupTexts.BadSignature : StartupTexts.NoMethod, name, type.AssemblyQualifiedName));
        return null;
    }

    private static (Action<object, object?> Run, Type? Builder)? Form(MethodInfo method)
    {
        ParameterInfo[] parameters = method.GetParameters();
        if (method.ContainsGenericParameters || parameters.Length > 1)
        {
            return null;
        }

        Type? parameter = parameters.Length == 0 ? null : parameters[0].ParameterType;
        if (method.ReturnType != typeof(void))
        {
            if (parameter == null)
            {
                return ((builder, instance) => UseResult(builder, () => method.Invoke(instance, null)), null);
            }

            return parameter == typeof(IDictionary<string, object>)
                ? ((builder, instance) => UseResult(
                    builder, () => method.Invoke(instance, new object[] { BuilderAccess.Properties(builder) })), null)
                : null;
        }

        if (parameter == null)
        {
            return null;
        }

        if (parameter.FullName == BuilderTypeName)
        {
            return ((builder, instance) => method.Invoke(instance, new[] { builder }), parameter);
        }

        if (parameter == typeof(Action<MidFunc>))
        {
            return ((builder, instance) => method.Invoke(
                instance, new object[] { new Action<MidFunc>(middleware => BuilderAccess.Use(builder, middleware)) }), null);
        }

        if (parameter == typeof(Action<Func<IDictionary<string, object>, MidFunc>>))
        {
            return ((builder, instance) => method.Invoke(instance, new object[]
            {
                new Action<Func<IDictionary<string, object>, MidFunc>>(
                    factory => BuilderAccess.Use(builder, factory(BuilderAccess.Properties(builder)))),
            }), null);
        }

        return null;
    }

    // Called when the pipeline is built: by then all Properties are set. The middleware ignores what comes after it.
    private static void UseResult(object builder, Func<object?> application) =>
        BuilderAccess.Use(builder, new Func<object?, object?>(_ => application()));
}
