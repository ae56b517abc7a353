// What configure() receives: name and value pairs, each an owind_field_lengths and the bytes of both. Names that
// are not known here are left for a newer bridge. Values were checked by the native side, which knows which option
// they came from.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using Owind.Boundary;

namespace Owind.Hosting;

internal sealed class ServerSettings
{
    /// <summary>The application's assembly: an absolute path.</summary>
    internal string Application { get; private set; } = string.Empty;

    /// <summary>What --startup says; null: discover.</summary>
    internal string? Startup { get; private set; }

    /// <summary>host.AppName; null: the loader's choice.</summary>
    internal string? AppName { get; private set; }

    /// <summary>Whether visitors may see details of errors.</summary>
    internal bool Development { get; private set; }

    /// <summary>Whether every hand-over between middleware is checked against OWIN.</summary>
    internal bool Validate { get; private set; }

    internal string PathBase { get; private set; } = string.Empty;

    /// <summary>Product and version, as "owind/0.1.0".</summary>
    internal string ServerName { get; private set; } = "owind";

    /// <summary>Where the keys of the data protection lie; null: they live in memory.</summary>
    internal string? DataProtection { get; private set; }

    internal LogLevel LogLevel { get; private set; } = LogLevel.Info;

    /// <summary>host.Addresses: scheme, host, port and path of each endpoint.</summary>
    internal List<IDictionary<string, object>> Addresses { get; } = [];

    /// <exception cref="FormatException">The pairs do not fill the memory exactly.</exception>
    internal static ServerSettings Parse(ReadOnlySpan<byte> pairs, int count)
    {
        var settings = new ServerSettings();
        for (int i = 0; i < count; i++)
        {
            var lengths = MemoryMarshal.Read<FieldLengths>(Take(ref pairs, FieldLengths.Bytes));
            string name = Encoding.UTF8.GetString(Take(ref pairs, (long)lengths.NameLength));
            settings.Set(name, Encoding.UTF8.GetString(Take(ref pairs, (long)lengths.ValueLength)));
        }

        return pairs.IsEmpty
            ? settings
            : throw new FormatException($"{pairs.Length} bytes follow the last of {count} settings.");
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> from, long length)
    {
        if (length > from.Length)
        {
            throw new FormatException("The settings end in the middle of one.");
        }

        ReadOnlySpan<byte> taken = from[..(int)length];
        from = from[(int)length..];
        return taken;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "application":
                Application = value;
                break;
            case "startup":
                Startup = NullIfEmpty(value);
                break;
            case "app-name":
                AppName = NullIfEmpty(value);
                break;
            case "mode":
                Development = value == "development";
                break;
            case "validate":
                Validate = value == "true";
                break;
            case "path-base":
                PathBase = value;
                break;
            case "server-name":
                ServerName = value;
                break;
            case "data-protection":
                DataProtection = NullIfEmpty(value);
                break;
            case "log-level":
                LogLevel = LevelNamed(value);
                break;
            case "address":
                Addresses.Add(ParseAddress(value));
                break;
        }
    }

    private static string? NullIfEmpty(string value) => value.Length == 0 ? null : value;

    private static LogLevel LevelNamed(string value) => value switch
    {
        "debug" => LogLevel.Debug,
        "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        _ => LogLevel.Info,
    };

    private static Dictionary<string, object> ParseAddress(string value)
    {
        string[] parts = value.Split('|');
        return new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["scheme"] = parts[0],
            ["host"] = parts.Length > 1 ? parts[1] : string.Empty,
            ["port"] = parts.Length > 2 ? parts[2] : string.Empty,
            ["path"] = parts.Length > 3 ? parts[3] : string.Empty,
        };
    }
}
