// host.TraceSource: what Katana's host offers beside host.TraceOutput. Its events become log records at the level of
// their kind. Like the TraceOutput it leads to the log alone, never to Trace or Debug.

using System.Diagnostics;
using System.Globalization;
using System.Text;
using Owind.Boundary;

namespace Owind.Hosting;

internal static class ApplicationTrace
{
    private const string SourceName = "HostingTraceSource";

    /// <summary>A source that passes on every event which the log would write.</summary>
    internal static TraceSource CreateSource()
    {
        var source = new TraceSource(SourceName, SourceLevels.All);
        source.Listeners.Clear();
        source.Listeners.Add(new Listener());
        return source;
    }

    /// <summary>The level of a record about an event of that kind.</summary>
    internal static LogLevel LevelOf(TraceEventType type) => type switch
    {
        TraceEventType.Critical or TraceEventType.Error => LogLevel.Error,
        TraceEventType.Warning => LogLevel.Warning,
        TraceEventType.Information => LogLevel.Info,
        _ => LogLevel.Debug,
    };

    private sealed class Listener : TraceListener
    {
        private readonly TraceWriter _lines = new();

        public override bool IsThreadSafe => true;

        public override void TraceEvent(
            TraceEventCache? eventCache, string source, TraceEventType eventType, int id, string? message) =>
            Emit(source, eventType, message);

        public override void TraceEvent(
            TraceEventCache? eventCache, string source, TraceEventType eventType, int id, string? format, params object?[]? args) =>
            Emit(source, eventType, args == null || args.Length == 0 || format == null
                ? format
                : string.Format(CultureInfo.InvariantCulture, format, args));

        public override void TraceData(
            TraceEventCache? eventCache, string source, TraceEventType eventType, int id, object? data) =>
            Emit(source, eventType, data?.ToString());

        public override void TraceData(
            TraceEventCache? eventCache, string source, TraceEventType eventType, int id, params object?[]? data) =>
            Emit(source, eventType, data == null ? null : string.Join(", ", data));

        // Not reached through a TraceSource, but a listener may be used alone.
        public override void Write(string? message) => _lines.Write(message);

        public override void WriteLine(string? message) => _lines.WriteLine(message);

        private static void Emit(string source, TraceEventType type, string? message)
        {
            LogLevel level = LevelOf(type);
            if (Log.IsEnabled(level))
            {
                Log.Write(level, new StringBuilder(source).Append(": ").Append(message).ToString());
            }
        }
    }
}
