// The texts that the loader puts into its list of errors. Those of the Katana loader are repeated letter for
// letter: people search the web for them. The last five are ours, for what that loader does not survive.

using System;
using System.Globalization;

namespace Owind.Startup;

internal static class StartupTexts
{
    public const string Wrapper = "The following errors occurred while attempting to load the app.";

    public const string NoAttribute = "No assembly found containing an OwinStartupAttribute.";

    public const string NoConvention = "No assembly found containing a Startup or [AssemblyName].Startup class.";

    public const string FriendlyNameMismatch =
        "The OwinStartupAttribute.FriendlyName value '{0}' does not match the given value '{1}' in Assembly '{2}'.";

    public const string AttributeConflict =
        "The OwinStartup attribute discovered in assembly '{0}' referencing startup type '{1}' conflicts with the "
        + "attribute in assembly '{2}' referencing startup type '{3}' because they have the same FriendlyName '{4}'. "
        + "Remove or rename one of the attributes, or reference the desired type directly.";

    public const string ConventionConflict =
        "The discovered startup type '{0}' conflicts with the type '{1}'. Remove or rename one of the types, or "
        + "reference the desired type directly.";

    public const string NoStartupTypeProperty =
        "The type '{0}' referenced from assembly '{1}' does not define a property 'StartupType' of type 'Type'.";

    public const string StartupTypeEmpty = "The OwinStartupAttribute.StartupType value is empty in Assembly '{0}'.";

    public const string AssemblyMissing =
        "For the app startup parameter value '{0}', the assembly '{1}' was not found.";

    public const string ClassMissing =
        "For the app startup parameter value '{0}', the class '{1}' was not found in assembly '{2}'.";

    public const string Unresolved =
        "The given type or method '{0}' was not found. Try specifying the Assembly.";

    public const string NoMethod = "No '{0}' method was found in class '{1}'.";

    public const string BadSignature =
        "The '{0}' method on class '{1}' does not have the expected signature 'void {0}(IAppBuilder)'.";

    public const string AssemblySkipped = "The assembly '{0}' was skipped: {1}";

    public const string TypeUnusable = "The class '{0}' in assembly '{1}' could not be loaded: {2}";

    public const string AttributeUnreadable =
        "The OwinStartupAttribute of assembly '{0}' could not be read: {1}";

    public const string MethodUnreadable = "The '{0}' method on class '{1}' could not be read: {2}";

    public const string NoRegularFile = "it is no file that can be read (a link to nowhere, a pipe, a socket or a device).";

    /// <summary>One of the texts with its values.</summary>
    public static string Format(string text, params object?[] values) =>
        string.Format(CultureInfo.InvariantCulture, text, values);

    /// <summary>A failure in one line: type and message.</summary>
    public static string Describe(Exception exception) =>
        exception.GetType().FullName + ": " + exception.Message.ReplaceLineEndings(" ");
}
