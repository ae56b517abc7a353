#include "server/dev/status_page.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <vector>

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--ink:#1d2129;--dim:#667085;--paper:#fafafa;--card:#fff;--line:#e4e7ec;--bad:#b42318;--mark:#fee4e2}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ec;--dim:#98a2b3;--paper:#16181d;--card:#1f2229;--line:#343841;--bad:#f97066;--mark:#4a1d1a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:3rem 1.5rem}
h1{font-size:1.6rem;margin:0 0 .25rem}
h1.bad{color:var(--bad)}
p{margin:.25rem 0 1.5rem;color:var(--dim)}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:0 0 1rem;overflow:hidden}
section header{padding:.75rem 1rem}
code,pre{font:13.5px/1.55 ui-monospace,"DejaVu Sans Mono",monospace}
.place{color:var(--dim);display:block;overflow-wrap:anywhere}
.place b{color:var(--ink);font-weight:400}
.code{color:var(--bad);font-weight:600}
pre{margin:0;padding:.5rem 0;overflow-x:auto;border-top:1px solid var(--line)}
pre.text{padding:.75rem 1rem;border:0;white-space:pre-wrap;overflow-wrap:anywhere}
pre span{display:block;padding:0 1rem;min-width:max-content}
pre span.hit{background:var(--mark)}
pre u{text-decoration:underline wavy var(--bad);text-underline-offset:.25em}
pre i{color:var(--dim);font-style:normal;display:inline-block;width:3.5em;user-select:none}
.bar{height:4px;border-radius:2px;overflow:hidden;background:var(--line)}
.bar::after{content:"";display:block;height:100%;width:30%;background:#2e90fa;animation:run 1.2s ease-in-out infinite}
@keyframes run{from{margin-left:-30%}to{margin-left:100%}}
@media(prefers-reduced-motion:reduce){.bar::after{animation:none;width:100%}}
)css";

std::string page(std::string_view title, std::string_view body) {
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width\">\n<title>" +
         escape_html(title) + "</title>\n<style>" + std::string(kStyle) + "</style></head>\n<body><main>\n" +
         std::string(body) + "</main></body></html>\n";
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The line with the word, or the signs, at the column marked. Columns count UTF-16, bytes are something else
/// behind other than ASCII: nothing is marked there.
std::string with_column(std::string_view line, int column) {
  const std::size_t at = column > 0 ? static_cast<std::size_t>(column) - 1 : line.size();
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (at >= line.size() ||
      !std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(at) + 1, is_ascii))
    return escape_html(line);
  std::size_t end = at;
  while (end < line.size() && (is_word(line[at]) ? is_word(line[end]) : line[end] == line[at])) ++end;
  return escape_html(line.substr(0, at)) + "<u>" + escape_html(line.substr(at, end - at)) + "</u>" +
         escape_html(line.substr(end));
}

/// The lines around the place, the one itself marked. Empty when the file cannot be read.
std::string source_of(const fs::path& path, int line_number, int column) {
  constexpr int kAround = 3;
  constexpr std::size_t kMostColumns = 400;
  std::ifstream file(path);
  std::string html;
  std::string line;
  for (int number = 1; number <= line_number + kAround && std::getline(file, line); ++number) {
    if (number < line_number - kAround) continue;
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > kMostColumns) line.resize(kMostColumns);
    const bool hit = number == line_number;
    html += std::string(hit ? "<span class=\"hit\">" : "<span>") + "<i>" + std::to_string(number) + "</i>" +
            (hit ? with_column(line, column) : escape_html(line)) + "</span>";
  }
  return html.empty() ? html : "<pre>" + html + "</pre>";
}

/// The folder is what a reader knows already.
std::string place_of(const fs::path& file, int line, int column) {
  std::string html = "<code class=\"place\">" + escape_html(file.parent_path().string() + "/") + "<b>" +
                     escape_html(file.filename().string());
  if (line > 0) html += ":" + std::to_string(line);
  if (column > 0) html += ":" + std::to_string(column);
  return html + "</b></code>";
}

/// Diagnostics of one line of one file.
std::string section(std::span<const Diagnostic> same_line) {
  constexpr std::size_t kMostMessage = 2'000;
  const Diagnostic& one = same_line.front();
  std::string html = "<section><header>";
  for (const Diagnostic& each : same_line)
    html += "<div><span class=\"code\">" + escape_html(each.code) + "</span> " +
            escape_html(std::string_view(each.message).substr(0, kMostMessage)) + "</div>";
  if (!one.file.empty()) html += place_of(one.file, one.line, one.column);
  html += "</header>";
  if (one.line > 0) html += source_of(one.file, one.line, one.column);
  return html + "</section>\n";
}

/// The source of the first line of a stack trace ("   at METHOD in FILE:line NUMBER") that has one.
std::string source_in(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t in = line.rfind(" in /");
    const std::size_t number = line.rfind(":line ");
    if (in == std::string_view::npos || number == std::string_view::npos || number < in) continue;
    int at = 0;
    std::from_chars(line.data() + number + 6, line.data() + line.size(), at);
    const fs::path file = line.substr(in + 4, number - in - 4);
    const std::string source = at > 0 ? source_of(file, at, 0) : "";
    if (!source.empty())
      return "<section><header>" + place_of(file, at, 0) + "</header>" + source + "</section>\n";
  }
  return "";
}

/// The end of a long text: that is where it says what is wrong. A page is a small response.
std::string text_section(std::string_view text) {
  constexpr std::size_t kMostBytes = 32 * 1024;
  std::string html = escape_html(text);
  while (html.size() > kMostBytes) {
    text.remove_prefix(text.size() / 2);
    text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
    html = "…\n" + escape_html(text);
  }
  return "<section><pre class=\"text\">" + html + "</pre></section>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // No control characters in HTML, but for blanks.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

std::string building_page(std::string_view name) {
  return page("Building " + std::string(name),
              "<h1>Building " + escape_html(name) +
                  "</h1>\n<p>This page reloads by itself when it is done.</p>\n<div class=\"bar\"></div>\n");
}

std::string build_failed_page(std::string_view name, std::span<const Diagnostic> diagnostics,
                              std::string_view output) {
  constexpr std::size_t kMost = 20;
  constexpr std::size_t kMostBytes = 24 * 1024;
  std::string body;
  std::size_t errors = 0;
  std::size_t shown = 0;
  for (auto at = diagnostics.begin(); at != diagnostics.end();) {
    const auto end = std::find_if(at, diagnostics.end(), [&](const Diagnostic& each) {
      return each.file != at->file || each.line != at->line || each.is_error != at->is_error;
    });
    const std::span<const Diagnostic> same_line(at, end);
    at = end;
    if (!same_line.front().is_error) continue;
    errors += same_line.size();
    if (shown >= kMost || body.size() >= kMostBytes) continue;
    std::string part = section(same_line.first(std::min(same_line.size(), kMost)));
    std::size_t told = std::min(same_line.size(), kMost);
    if (part.size() > kMostBytes) {
      part = section(same_line.first(1));
      told = 1;
    }
    body += part;
    shown += told;
  }
  if (errors == 0) body = text_section(output);
  if (errors > shown) body += "<p>And " + std::to_string(errors - shown) + " more.</p>\n";
  const std::string count = errors == 0   ? ""
                            : errors == 1 ? "One error. "
                                          : std::to_string(errors) + " errors. ";
  return page("Build failed: " + std::string(name),
              "<h1 class=\"bad\">" + escape_html(name) + " does not build</h1>\n<p>" + count +
                  "This page reloads by itself when it does.</p>\n" + body);
}

std::string failure_page(std::string_view headline, std::string_view details) {
  std::string body =
      "<h1 class=\"bad\">" + escape_html(headline) +
      "</h1>\n<p>Save a change: it is started again then, and this page reloads by itself.</p>\n";
  body += source_in(details);
  if (!details.empty()) body += text_section(details);
  return page(headline, body);
}

}  // namespace owind::dev
