// The keys here and in middleware/owin_keys.cpp are one table: compared row by row, by reading that file.

using System;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Owind.Hosting;
using Xunit;

namespace Owind.Tests.Requests;

public class KeyTableTests
{
    [Fact(DisplayName = "every key of the native table has its id here, in the same order and under the same name")]
    public void SameTable()
    {
        string[] rows = Regex.Matches(File.ReadAllText(NativeTable()), """\{"([^"]+)", "([^"]+)", k\w+, """)
            .Select(static row => $"{row.Groups[1].Value} {row.Groups[2].Value}").ToArray();

        Assert.Equal(EnvironmentKeys.Count, rows.Length);
        Assert.Equal(rows, Enumerable.Range(0, EnvironmentKeys.Count)
            .Select(static id => $"{EnvironmentKeys.NameOf((KeyId)id)} {(KeyId)id}"));
    }

    [Fact(DisplayName = "finding a key is the inverse of naming it; anything else is None")]
    public void FindIsTheInverse()
    {
        for (int id = 0; id < EnvironmentKeys.Count; id++)
        {
            string name = EnvironmentKeys.NameOf((KeyId)id);
            Assert.Equal((KeyId)id, EnvironmentKeys.Find(new string(name)));
            Assert.Equal(KeyId.None, EnvironmentKeys.Find(name + " "));
            Assert.Equal(KeyId.None, EnvironmentKeys.Find(name[..^1]));
            Assert.Equal(KeyId.None, EnvironmentKeys.Find(name.ToUpperInvariant()));
        }

        Assert.Throws<ArgumentOutOfRangeException>(static () => EnvironmentKeys.NameOf(KeyId.None));
    }

    private static string NativeTable([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "../../../middleware/owin_keys.cpp");
}
