// The settings of configure(), as the native half serialises them.

using System;
using System.Collections.Generic;
using System.Text;
using Owind.Hosting;

namespace Owind.Tests.Requests;

internal sealed class SettingsText
{
    private readonly List<byte> _bytes = [];

    internal int Count { get; private set; }

    internal byte[] Bytes => _bytes.ToArray();

    internal SettingsText Add(string name, string value)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        byte[] valueBytes = Encoding.UTF8.GetBytes(value);
        _bytes.AddRange(BitConverter.GetBytes(nameBytes.Length));
        _bytes.AddRange(BitConverter.GetBytes(valueBytes.Length));
        _bytes.AddRange(nameBytes);
        _bytes.AddRange(valueBytes);
        Count++;
        return this;
    }

    internal ServerSettings Parse() => ServerSettings.Parse(Bytes, Count);
}
