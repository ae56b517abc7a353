// Thrown by the validator at whoever broke a rule of OWIN. Its text names the section, the key and the middleware, and
// is shown to the visitor: only developers switch the validator on.

using System;
using System.Collections.Generic;

namespace Owind.Validation;

internal sealed class OwinRuleException : InvalidOperationException
{
    internal OwinRuleException(string culprit, IReadOnlyList<Violation> violations)
        : base(Describe(culprit, violations))
    {
    }

    /// <summary>One line a rule.</summary>
    internal static string Describe(string culprit, IReadOnlyList<Violation> violations)
    {
        var lines = new List<string>(violations.Count);
        foreach (Violation violation in violations)
        {
            lines.Add($"{violation} (by {culprit})");
        }

        return string.Join('\n', lines);
    }
}
