// One rule that was not kept: where it stands, which key it is about, and what was found instead.

namespace Owind.Validation;

/// <param name="Section">"OWIN 1.0.1 §3.2.1"</param>
/// <param name="Key">The key of the environment.</param>
/// <param name="Text">What is wrong, as the end of a sentence that begins with the key.</param>
internal readonly record struct Violation(string Section, string Key, string Text)
{
    public override string ToString() => $"{Section}: {Key} {Text}";
}
