// A response head as the native half reads it: taken apart by the rules of bridge_abi.h, every byte accounted for.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using Owind.Boundary;

namespace Owind.Tests.Requests;

internal sealed record FakeHead(int Status, string Reason, HeadFlags Flags, List<(string Name, string Value)> Fields)
{
    /// <summary>All lines of one name, in order.</summary>
    internal string[] this[string name] =>
        Fields.Where(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(static field => field.Value).ToArray();

    internal static FakeHead Parse(ReadOnlySpan<byte> bytes)
    {
        var head = MemoryMarshal.Read<ResponseHead>(bytes);
        if (head.Size != bytes.Length)
        {
            throw new InvalidOperationException($"size is {head.Size}, the call says {bytes.Length}");
        }

        bytes = bytes[20..];
        string reason = Take(ref bytes, head.ReasonLength);
        var fields = new List<(string, string)>();
        for (uint i = 0; i < head.FieldCount; i++)
        {
            var lengths = MemoryMarshal.Read<FieldLengths>(bytes);
            bytes = bytes[8..];
            string name = Take(ref bytes, lengths.NameLength);
            fields.Add((name, Take(ref bytes, lengths.ValueLength)));
        }

        return bytes.IsEmpty
            ? new FakeHead(head.Status, reason, head.Flags, fields)
            : throw new InvalidOperationException($"{bytes.Length} bytes follow the last field");
    }

    private static string Take(ref ReadOnlySpan<byte> from, uint length)
    {
        string text = Encoding.UTF8.GetString(from[..(int)length]);
        from = from[(int)length..];
        return text;
    }
}
