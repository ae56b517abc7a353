#include "server/dev/status_page.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

namespace owind::dev {
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
.place{color:var(--dim)}
.code{color:var(--bad);font-weight:600}
pre{margin:0;padding:.5rem 0;overflow-x:auto;border-top:1px solid var(--line)}
pre.text{padding:.75rem 1rem;border:0;white-space:pre-wrap;overflow-wrap:anywhere}
pre span{display:block;padding:0 1rem;min-width:max-content}
pre span.hit{background:var(--mark)}
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

/// The lines around the place, the one itself marked. Empty when the file cannot be read.
std::string source_of(const Diagnostic& one) {
  constexpr int kAround = 3;
  constexpr std::size_t kMostColumns = 400;
  std::ifstream file(one.file);
  std::string html;
  std::string line;
  for (int number = 1; number <= one.line + kAround && std::getline(file, line); ++number) {
    if (number < one.line - kAround) continue;
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() > kMostColumns) line.resize(kMostColumns);
    html += std::string(number == one.line ? "<span class=\"hit\">" : "<span>") + "<i>" +
            std::to_string(number) + "</i>" + escape_html(line) + "</span>";
  }
  return html.empty() ? html : "<pre>" + html + "</pre>";
}

std::string section(const Diagnostic& one) {
  std::string html = "<section><header><span class=\"code\">" + escape_html(one.code) + "</span> " +
                     escape_html(one.message);
  if (!one.file.empty()) {
    html += "<br><code class=\"place\">" + escape_html(one.file.string());
    if (one.line > 0) html += ":" + std::to_string(one.line) + ":" + std::to_string(one.column);
    html += "</code>";
  }
  html += "</header>";
  if (one.line > 0) html += source_of(one);
  return html + "</section>\n";
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
                  "</h1>\n<p>This page loads anew when it is done.</p>\n<div class=\"bar\"></div>\n");
}

std::string build_failed_page(std::string_view name, std::span<const Diagnostic> diagnostics,
                              std::string_view output) {
  constexpr std::size_t kMost = 20;
  std::string body;
  std::size_t errors = 0;
  for (const Diagnostic& each : diagnostics) {
    if (!each.is_error) continue;
    if (++errors <= kMost) body += section(each);
  }
  if (errors == 0) body = "<section><pre class=\"text\">" + escape_html(output) + "</pre></section>\n";
  if (errors > kMost) body += "<p>And " + std::to_string(errors - kMost) + " more.</p>\n";
  const std::string count = errors == 0   ? ""
                            : errors == 1 ? "One error. "
                                          : std::to_string(errors) + " errors. ";
  return page("Build failed: " + std::string(name), "<h1 class=\"bad\">" + escape_html(name) +
                                                        " does not build</h1>\n<p>" + count +
                                                        "This page loads anew when it does.</p>\n" + body);
}

std::string failure_page(std::string_view headline, std::string_view details) {
  std::string body = "<h1 class=\"bad\">" + escape_html(headline) +
                     "</h1>\n<p>Change something: it is started again then, and this page loads anew.</p>\n";
  if (!details.empty()) body += "<section><pre class=\"text\">" + escape_html(details) + "</pre></section>\n";
  return page(headline, body);
}

}  // namespace owind::dev
