// The page that a developer sees instead of a plain 500: the exception and where it came from. Only with --mode
// development, or for what --validate complains of. Everything on it is escaped, because a visitor's text may be part of an exception's message.

using System;
using System.Net;
using System.Text;
using Owind.Boundary;

namespace Owind.Hosting;

internal static class DevelopmentPage
{
    internal const string ContentType = "text/html; charset=utf-8";

    internal static byte[] Render(Exception exception, OwinEnvironment environment)
    {
        string title = WebUtility.HtmlEncode(exception.GetType().FullName) + ": " +
                       WebUtility.HtmlEncode(MessageOf(exception));
        string details = WebUtility.HtmlEncode(Log.Describe(exception));
        string path = WebUtility.HtmlEncode(environment.Describe());
        return Encoding.UTF8.GetBytes(
            $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>500: {title}</title></head>
            <body><h1>500 Internal Server Error</h1>
            <p>The application failed at <code>{path}</code>. Visitors see this page with <code>--mode development</code> or <code>--validate</code> only.</p>
            <h2>{title}</h2>
            <pre>{details}</pre>
            </body></html>

            """);
    }

    private static string MessageOf(Exception exception)
    {
        try
        {
            return exception.Message;
        }
        catch (Exception)
        {
            return "(its message could not be read)";
        }
    }
}
