// server.LoggerFactory, as Katana's middleware asks for it: a name gives a delegate, which writes one record and
// says whether that level is written at all.

using System;
using System.Diagnostics;
using Owind.Boundary;

namespace Owind.Hosting;

using Logger = Func<TraceEventType, int, object?, Exception?, Func<object?, Exception?, string>?, bool>;

internal static class ApplicationLog
{
    internal static Func<string, Logger> Factory { get; } = static name =>
        (type, _, state, exception, format) => Write(name, type, state, exception, format);

    private static bool Write(
        string name, TraceEventType type, object? state, Exception? exception,
        Func<object?, Exception?, string>? format)
    {
        LogLevel level = ApplicationTrace.LevelOf(type);
        bool enabled = Log.IsEnabled(level);
        bool asksOnly = state == null && exception == null && format == null;
        if (enabled && !asksOnly)
        {
            Log.Write(level, $"{name}: {Describe(state, exception, format)}");
        }

        return enabled;
    }

    private static string Describe(object? state, Exception? exception, Func<object?, Exception?, string>? format)
    {
        if (format != null)
        {
            return format(state, exception);
        }

        return exception == null ? state!.ToString() ?? string.Empty : $"{state} {Log.Describe(exception)}".TrimStart();
    }
}
