// One line of an exception's stack trace, taken apart, with the source around it where the file is there: for the
// developer's error page only.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Globalization;

namespace Owind.Hosting;

internal readonly record struct SourceFrame(string Method, string? File, int Line)
{
    private const int LinesAround = 4;
    private const long LargestFile = 1 << 20;

    /// <summary>The frames of a trace as .NET writes it: `   at METHOD in FILE:line NUMBER`.</summary>
    internal static IEnumerable<SourceFrame> Parse(string? trace)
    {
        foreach (string line in (trace ?? string.Empty).Split('\n'))
        {
            string text = line.Trim();
            if (!text.StartsWith("at ", StringComparison.Ordinal))
            {
                continue;
            }

            text = text["at ".Length..];
            int place = text.LastIndexOf(" in ", StringComparison.Ordinal);
            int number = text.LastIndexOf(":line ", StringComparison.Ordinal);
            yield return place > 0 && number > place &&
                int.TryParse(text.AsSpan(number + ":line ".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int at)
                    ? new SourceFrame(text[..place], text[(place + " in ".Length)..number], at)
                    : new SourceFrame(text, null, 0);
        }
    }

    /// <summary>The folder with a slash behind it, and the name.</summary>
    internal (string Folder, string Name) Place()
    {
        string file = File ?? string.Empty;
        int slash = file.LastIndexOf('/');
        return (file[..(slash + 1)], file[(slash + 1)..]);
    }

    /// <summary>The lines around the place with their numbers; empty when the file cannot be read.</summary>
    internal IReadOnlyList<(int Number, string Text)> Source()
    {
        try
        {
            var file = File == null ? null : new FileInfo(File);
            if (file is not { Exists: true, Length: <= LargestFile })
            {
                return [];
            }

            int first = Math.Max(1, Line - LinesAround);
            return System.IO.File.ReadLines(file.FullName).Skip(first - 1).Take(Line + LinesAround - first + 1)
                .Select((text, index) => (first + index, text)).ToList();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return [];
        }
    }
}
