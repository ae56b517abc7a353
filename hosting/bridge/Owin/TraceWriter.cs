// host.TraceOutput: a TextWriter whose lines become log records. Leads to the log alone, never to Trace or Debug:
// applications add this writer to their trace listeners, and the circle would have no end.

using System.IO;
using System.Text;
using System.Threading;
using Owind.Boundary;

namespace Owind.Hosting;

internal sealed class TraceWriter : TextWriter
{
    // A line that never ends is cut here.
    private const int MaxLineCharacters = 16 * 1024;

    private readonly Lock _lock = new();
    private readonly StringBuilder _line = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
        lock (_lock)
        {
            Append(value);
        }
    }

    public override void Write(string? value)
    {
        lock (_lock)
        {
            foreach (char character in value ?? string.Empty)
            {
                Append(character);
            }
        }
    }

    public override void Write(char[] buffer, int index, int count)
    {
        lock (_lock)
        {
            for (int i = index; i < index + count; i++)
            {
                Append(buffer[i]);
            }
        }
    }

    public override void WriteLine(string? value)
    {
        lock (_lock)
        {
            Write(value);
            Append('\n');
        }
    }

    /// <summary>Writes out a line that has not ended yet.</summary>
    public override void Flush()
    {
        lock (_lock)
        {
            Emit();
        }
    }

    private void Append(char character)
    {
        if (character == '\n')
        {
            Emit();
        }
        else if (character != '\r')
        {
            _line.Append(character);
            if (_line.Length >= MaxLineCharacters)
            {
                Emit();
            }
        }
    }

    private void Emit()
    {
        if (_line.Length > 0)
        {
            Log.Write(LogLevel.Info, _line.ToString());
            _line.Clear();
        }
    }
}
