// The two appSettings that choose the startup, from the application's configuration file: `App.dll.config`, else
// `App.exe.config`, else `web.config` (or `Web.config`, as it is usually spelled) in the application's folder. Only
// the appSettings section is looked at; its `file` and `configSource` attributes are followed.

using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Xml;
using Owind.Hosting;

namespace Owind.Startup;

internal sealed class ApplicationSettings
{
    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);

    private ApplicationSettings(string? file)
    {
        File = file;
    }

    /// <summary>The file that was read; null if there is none.</summary>
    public string? File { get; }

    /// <summary>owin:AppStartup, or null.</summary>
    public string? AppStartup =>
        _values.TryGetValue("owin:AppStartup", out string? value) && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

    /// <summary>False when owin:AutomaticAppStartup switches discovery off.</summary>
    public bool AutomaticAppStartup =>
        !_values.TryGetValue("owin:AutomaticAppStartup", out string? value)
        || !string.Equals(value.Trim(), "false", StringComparison.OrdinalIgnoreCase);

    /// <summary>The application's configuration file, or null.</summary>
    public static string? FileOf(string assemblyPath)
    {
        string folder = Path.GetDirectoryName(assemblyPath)!;
        string stem = Path.Combine(folder, Path.GetFileNameWithoutExtension(assemblyPath));
        string[] places =
        {
            stem + ".dll.config", stem + ".exe.config", Path.Combine(folder, "web.config"), Path.Combine(folder, "Web.config"),
        };
        return Array.Find(places, RegularFile.Exists);
    }

    /// <summary>Reads the settings of the application at <paramref name="assemblyPath"/>.</summary>
    /// <exception cref="StartupException">The file cannot be read or is not well-formed.</exception>
    public static ApplicationSettings Read(string assemblyPath)
    {
        string? file = FileOf(assemblyPath);
        var settings = new ApplicationSettings(file);
        if (file != null)
        {
            settings.ReadOrThrow(file, assemblyPath);
        }

        return settings;
    }

    // Apart from its caller: the XML library is loaded only for an application that has such a file.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReadOrThrow(string file, string assemblyPath)
    {
        try
        {
            ReadFile(file, Path.GetDirectoryName(assemblyPath)!);
        }
        catch (Exception exception) when (exception is XmlException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"The application's configuration file '{file}' could not be read: {exception.Message}\n"
                + $"Application: {assemblyPath}\n"
                + "Correct the file, or name the startup with --startup so that it is not needed.", exception);
        }
    }

    private void ReadFile(string file, string folder)
    {
        using XmlReader reader = Open(file);
        if (!MoveToChild(reader, 0, "configuration"))
        {
            return;
        }

        // A section may not occur twice, but a location element may hold another: only the direct child counts.
        if (MoveToChild(reader, 1, "appSettings"))
        {
            string? source = reader.GetAttribute("configSource");
            string? additions = reader.GetAttribute("file");
            ReadSection(reader);
            ReadSectionFile(source, folder);
            ReadSectionFile(additions, folder);
        }
    }

    // These files have appSettings as their root; one that does not exist is no error.
    private void ReadSectionFile(string? name, string folder)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            return;
        }

        string file = Path.Combine(folder, name.Replace('\\', Path.DirectorySeparatorChar));
        if (RegularFile.Exists(file))
        {
            using XmlReader reader = Open(file);
            if (MoveToChild(reader, 0, "appSettings"))
            {
                ReadSection(reader);
            }
        }
    }

    private void ReadSection(XmlReader reader)
    {
        if (reader.IsEmptyElement)
        {
            return;
        }

        int depth = reader.Depth;
        while (reader.Read() && reader.Depth > depth)
        {
            if (reader.NodeType != XmlNodeType.Element || reader.Depth != depth + 1)
            {
                continue;
            }

            string? key = reader.GetAttribute("key");
            switch (reader.LocalName)
            {
                case "add" when key != null:
                    _values[key] = reader.GetAttribute("value") ?? "";
                    break;
                case "remove" when key != null:
                    _values.Remove(key);
                    break;
                case "clear":
                    _values.Clear();
                    break;
            }
        }
    }

    private static XmlReader Open(string file) => XmlReader.Create(
        file, new XmlReaderSettings { IgnoreComments = true, IgnoreWhitespace = true, DtdProcessing = DtdProcessing.Prohibit });

    private static bool MoveToChild(XmlReader reader, int depth, string name)
    {
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == depth && reader.LocalName == name)
            {
                return true;
            }
        }

        return false;
    }
}
