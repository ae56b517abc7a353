// Why an application could not be started. The message is complete: what was sought, where, and what to do, in
// several lines, ready to be shown to a person; nothing has to be added to it.

using System;

namespace Owind.Hosting;

/// <summary>The one exception that <see cref="ApplicationStartup"/> throws.</summary>
public sealed class StartupException : Exception
{
    /// <param name="message">The complete text.</param>
    /// <param name="innerException">What the application threw, if it did.</param>
    public StartupException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
