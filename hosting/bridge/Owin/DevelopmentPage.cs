// The page that a developer sees instead of a plain 500: the exception and where it came from, with the source, the
// request, and the environment. Only with --mode development, or for what --validate complains of. Everything on it
// is escaped, because a visitor's text may be part of anything.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Text;
using Owind.Boundary;

namespace Owind.Hosting;

internal static class DevelopmentPage
{
    internal const string ContentType = "text/html; charset=utf-8";

    private const int LongestValue = 2_000;
    private const int LongestText = 50_000;
    private const int MostRows = 200;
    private const int MostFrames = 100;

    private const string Style =
        """
        :root{color-scheme:light dark;--ink:#1d2129;--dim:#667085;--paper:#fafafa;--card:#fff;--line:#e4e7ec;--bad:#b42318;--mark:#fee4e2}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e8ec;--dim:#98a2b3;--paper:#16181d;--card:#1f2229;--line:#343841;--bad:#f97066;--mark:#4a1d1a}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:64rem;margin:0 auto;padding:3rem 1.5rem}
        h1{font-size:1.6rem;margin:0;color:var(--bad);overflow-wrap:anywhere}
        h2{font-size:1.05rem;margin:2rem 0 .5rem}
        p{margin:.25rem 0 1.5rem;color:var(--dim)}
        code,pre,td,th{font:13.5px/1.55 ui-monospace,"DejaVu Sans Mono",monospace}
        section,details{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:0 0 .5rem;overflow:hidden}
        section header,summary{padding:.6rem 1rem;overflow-wrap:anywhere}
        summary{cursor:pointer}
        .place{color:var(--dim);display:block}
        .place b{color:var(--ink);font-weight:400}
        .other{color:var(--dim)}
        pre{margin:0;padding:.5rem 0;overflow-x:auto;border-top:1px solid var(--line)}
        pre.text{padding:.75rem 1rem;border:0;white-space:pre-wrap;overflow-wrap:anywhere}
        pre span{display:block;padding:0 1rem;min-width:max-content}
        pre span.hit{background:var(--mark)}
        pre i{color:var(--dim);font-style:normal;display:inline-block;width:3.5em;user-select:none}
        table{border-collapse:collapse;width:100%;table-layout:fixed}
        th,td{text-align:left;vertical-align:top;padding:.3rem 1rem;border-top:1px solid var(--line);overflow-wrap:anywhere;font-weight:400}
        tr:first-child>*{border-top:0}
        th{width:21rem;color:var(--dim)}
        """;

    internal static byte[] Render(Exception exception, OwinEnvironment environment)
    {
        var page = new StringBuilder(16 * 1024);
        string type = Encode(exception.GetType().FullName);
        string message = Encode(MessageOf(exception));
        page.Append($"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n")
            .Append($"<title>500: {type}: {message}</title>\n<style>{Style}</style></head>\n<body><main>\n")
            .Append($"<h1>{message}</h1>\n<p><code>{type}</code> at <code>{Encode(Text(environment, "owin.RequestMethod"))} ")
            .Append($"{Encode(environment.Describe())}</code>. Visitors see this page with <code>--mode development</code> or ")
            .Append("<code>--validate</code> only.</p>\n");
        for (Exception? each = exception; each != null; each = each.InnerException)
        {
            if (each != exception)
            {
                page.Append($"<h2>Caused by <code>{Encode(each.GetType().FullName)}</code>: {Encode(MessageOf(each))}</h2>\n");
            }

            AppendFrames(page, each);
        }

        page.Append("<details><summary>As text</summary><pre class=\"text\">")
            .Append(Encode(Log.Describe(exception), LongestText)).Append("</pre></details>\n");
        AppendTable(page, "Headers", Headers(environment));
        AppendTable(page, "Cookies", Cookies(environment));
        AppendTable(page, "Environment", Entries(environment));
        page.Append("</main></body></html>\n");
        return Encoding.UTF8.GetBytes(page.ToString());
    }

    /// <summary>The first frame with a source is shown with it, the others on demand.</summary>
    private static void AppendFrames(StringBuilder page, Exception exception)
    {
        bool open = true;
        foreach (SourceFrame frame in SourceFrame.Parse(TraceOf(exception)).Take(MostFrames))
        {
            if (frame.File == null)
            {
                page.Append($"<section><header class=\"other\"><code>{Encode(frame.Method)}</code></header></section>\n");
                continue;
            }

            var source = frame.Source();
            (string folder, string name) = frame.Place();
            page.Append(open && source.Count > 0 ? "<details open>" : "<details>")
                .Append($"<summary><code>{Encode(frame.Method)}</code><code class=\"place\">{Encode(folder)}<b>{Encode(name)}:{frame.Line}</b></code></summary>");
            if (source.Count > 0)
            {
                open = false;
                page.Append("<pre>");
                foreach ((int number, string text) in source)
                {
                    page.Append(number == frame.Line ? "<span class=\"hit\">" : "<span>")
                        .Append($"<i>{number}</i>{Encode(text)}</span>");
                }

                page.Append("</pre>");
            }

            page.Append("</details>\n");
        }
    }

    private static void AppendTable(StringBuilder page, string title, IEnumerable<(string Name, string Value)> rows)
    {
        page.Append($"<h2>{title}</h2>\n<section>");
        bool any = false;
        foreach ((string name, string value) in rows.Take(MostRows))
        {
            page.Append(any ? string.Empty : "<table>")
                .Append($"<tr><th>{Encode(name)}</th><td>{Encode(value)}</td></tr>");
            any = true;
        }

        page.Append(any ? "</table>" : "<header class=\"other\">None.</header>").Append("</section>\n");
    }

    private static List<(string, string)> Headers(OwinEnvironment environment)
    {
        var rows = new List<(string, string)>();
        Try(() =>
        {
            foreach (var header in Fields(environment))
            {
                rows.AddRange((header.Value ?? []).Select(value => (header.Key, value)));
            }
        });
        return rows;
    }

    private static List<(string, string)> Cookies(OwinEnvironment environment)
    {
        var rows = new List<(string, string)>();
        Try(() =>
        {
            foreach (var header in Fields(environment))
            {
                if (!header.Key.Equals("Cookie", StringComparison.OrdinalIgnoreCase))
                {
                    continue;
                }

                foreach (string pair in string.Join(";", header.Value ?? []).Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                {
                    string[] parts = pair.Split('=', 2);
                    rows.Add((parts[0], parts.Length > 1 ? parts[1] : string.Empty));
                }
            }
        });
        return rows;
    }

    private static List<(string, string)> Entries(OwinEnvironment environment)
    {
        var rows = new List<(string, string)>();
        Try(() =>
        {
            foreach (var entry in environment.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                rows.Add((entry.Key, Shown(entry.Value)));
            }
        });
        return rows;
    }

    private static IEnumerable<KeyValuePair<string, string[]>> Fields(OwinEnvironment environment) =>
        environment.TryGetValue("owin.RequestHeaders", out object? value) && value is IDictionary<string, string[]> headers
            ? headers
            : [];

    private static string Text(OwinEnvironment environment, string key)
    {
        string text = string.Empty;
        Try(() => text = environment.TryGetValue(key, out object? value) && value is string found ? found : string.Empty);
        return text;
    }

    private static string Shown(object? value)
    {
        string text = string.Empty;
        Try(() => text = value switch
        {
            null => "null",
            string given => given,
            IDictionary<string, string[]> fields => $"{fields.Count} fields",
            IDictionary<string, object> entries => string.Join(", ", entries.Select(entry => $"{entry.Key} = {entry.Value}")),
            Delegate => value.GetType().ToString(),
            _ => value.ToString() ?? string.Empty,
        });
        return text;
    }

    /// <summary>What the application has put into its environment may throw when it is looked at.</summary>
    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception)
        {
            // The rest of the page is worth more.
        }
    }

    private static string Encode(string? text, int longest = LongestValue)
    {
        text ??= string.Empty;
        return WebUtility.HtmlEncode(text.Length > longest ? text[..longest] + " …" : text);
    }

    private static string? TraceOf(Exception exception)
    {
        try
        {
            return exception.StackTrace;
        }
        catch (Exception)
        {
            return null;
        }
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
