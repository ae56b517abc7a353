// The application's configuration file for ConfigurationManager (appSettings, connectionStrings, its own sections): tells
// it the file's name, which is otherwise looked for under another one. A file of .NET Framework has sections that are
// declared in that framework's machine.config; ConfigurationManager gives up at the first of them, so it gets a copy that
// declares them as ignored. The copy lives in memory: it may hold passwords.
// Binding redirects are shown in the log and have no effect: the version that is present is the one that is loaded.

using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Xml;
using Microsoft.Win32.SafeHandles;
using Owind.Boundary;

namespace Owind.Startup;

internal static class ApplicationConfiguration
{
    private const string FileKey = "APP_CONFIG_FILE";
    private const string BindingNamespace = "urn:schemas-microsoft-com:asm.v1";

    // Known to ConfigurationManager without a declaration.
    private static readonly HashSet<string> s_known = new(StringComparer.Ordinal)
    {
        "configSections", "location", "appSettings", "connectionStrings", "configProtectedData", "mscorlib", "runtime",
        "assemblyBinding", "satelliteassemblies", "startup", "system.diagnostics", "system.runtime.remoting", "windows",
    };

    // Open for the life of the process: ConfigurationManager reads it by its path, when somebody asks.
    private static SafeFileHandle? s_copy;

    /// <summary>Makes ConfigurationManager read <paramref name="file"/>, unless the host was told of another file.</summary>
    internal static void Offer(string file)
    {
        if (AppContext.GetData(FileKey) is string { Length: > 0 })
        {
            return;
        }

        string offered = file;
        try
        {
            var document = new XmlDocument { PreserveWhitespace = true };
            using (var reader = XmlReader.Create(file, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit }))
            {
                document.Load(reader);
            }

            if (Log.IsEnabled(LogLevel.Debug))
            {
                foreach (string redirect in RedirectsOf(document, file))
                {
                    Log.Write(LogLevel.Debug, redirect);
                }
            }

            if (DeclareUnknown(document, Path.GetDirectoryName(file)!))
            {
                offered = CopyInMemory(document) ?? file;
            }
        }
        catch (Exception exception) when (exception is XmlException or IOException or UnauthorizedAccessException)
        {
            // Whoever asks for a setting hears of it; an application that asks for none does without.
            Log.Write(LogLevel.Warning, $"the configuration file {file} cannot be read: {exception.Message}");
        }

        AppContext.SetData(FileKey, offered);
    }

    /// <summary>Declares each section that nobody declares as ignored.</summary>
    /// <param name="document">The configuration; changed.</param>
    /// <param name="folder">Where the files are that it names: they become absolute, or part of it.</param>
    /// <returns>False: there was none, and nothing was changed.</returns>
    internal static bool DeclareUnknown(XmlDocument document, string folder)
    {
        if (document.DocumentElement is not { LocalName: "configuration" } root)
        {
            return false;
        }

        var declared = new HashSet<string>(s_known, StringComparer.Ordinal);
        XmlElement? declarations = null;
        foreach (XmlElement element in ElementsOf(root))
        {
            if (element.LocalName == "configSections")
            {
                declarations = element;
                foreach (XmlElement section in ElementsOf(element))
                {
                    declared.Add(section.GetAttribute("name"));
                }
            }
        }

        var unknown = new SortedSet<string>(StringComparer.Ordinal);
        foreach (XmlElement element in ElementsOf(root))
        {
            AddUnknown(element, declared, unknown);
            if (element.LocalName == "location")
            {
                foreach (XmlElement inner in ElementsOf(element))
                {
                    AddUnknown(inner, declared, unknown);
                }
            }
        }

        if (unknown.Count == 0)
        {
            return false;
        }

        // They must be the first child.
        declarations ??= (XmlElement)root.PrependChild(document.CreateElement("configSections", root.NamespaceURI))!;
        foreach (string name in unknown)
        {
            XmlElement section = document.CreateElement("section", root.NamespaceURI);
            section.SetAttribute("name", name);
            section.SetAttribute("type", "System.Configuration.IgnoreSection, System.Configuration.ConfigurationManager");
            declarations.AppendChild(section);
        }

        foreach (XmlElement element in ElementsOf(root))
        {
            BringIn(element, folder);
        }

        return true;
    }

    private static void AddUnknown(XmlElement element, HashSet<string> declared, SortedSet<string> unknown)
    {
        if (!declared.Contains(element.LocalName))
        {
            unknown.Add(element.LocalName);
        }
    }

    // The copy is elsewhere, so what the file names relative to itself is brought along.
    private static void BringIn(XmlElement element, string folder)
    {
        string additions = element.GetAttribute("file");
        if (additions.Length > 0)
        {
            element.SetAttribute("file", Path.Combine(folder, additions.Replace('\\', Path.DirectorySeparatorChar)));
        }

        string source = element.GetAttribute("configSource");
        string path = Path.Combine(folder, source.Replace('\\', Path.DirectorySeparatorChar));
        if (source.Length == 0 || !RegularFile.Exists(path))
        {
            return;
        }

        var section = new XmlDocument();
        using (var reader = XmlReader.Create(path, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit }))
        {
            section.Load(reader);
        }

        if (section.DocumentElement is { } content && content.LocalName == element.LocalName)
        {
            element.ParentNode!.ReplaceChild(element.OwnerDocument.ImportNode(content, deep: true), element);
        }
    }

    /// <summary>A line for each binding redirect.</summary>
    internal static IEnumerable<string> RedirectsOf(XmlDocument document, string file)
    {
        var names = new XmlNamespaceManager(document.NameTable);
        names.AddNamespace("b", BindingNamespace);
        foreach (XmlElement redirect in document.SelectNodes("/configuration/runtime//b:bindingRedirect", names)!)
        {
            string name = (redirect.ParentNode!.SelectSingleNode("b:assemblyIdentity", names) as XmlElement)?.GetAttribute("name") ?? "?";
            yield return $"binding redirect of {Path.GetFileName(file)}: {name} {redirect.GetAttribute("oldVersion")} to "
                + $"{redirect.GetAttribute("newVersion")}: ignored, the version that is present is loaded";
        }
    }

    /// <summary>A path that leads to the text as long as the process lives; null where the system has no such files.</summary>
    private static string? CopyInMemory(XmlDocument document)
    {
        int descriptor;
        try
        {
            descriptor = CreateMemoryFile("owind-configuration", 1);
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }

        if (descriptor < 0)
        {
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(handle, Encoding.UTF8.GetBytes(document.OuterXml), 0);
        string path = $"/proc/self/fd/{descriptor}";
        if (!File.Exists(path))
        {
            handle.Dispose();
            return null;
        }

        s_copy = handle;
        return path;
    }

    private static List<XmlElement> ElementsOf(XmlElement parent)
    {
        var elements = new List<XmlElement>();
        foreach (XmlNode node in parent.ChildNodes)
        {
            if (node is XmlElement element)
            {
                elements.Add(element);
            }
        }

        return elements;
    }

    // memfd_create(2), MFD_CLOEXEC.
    [DllImport("libc", EntryPoint = "memfd_create")]
    private static extern int CreateMemoryFile([MarshalAs(UnmanagedType.LPUTF8Str)] string name, uint flags);
}
