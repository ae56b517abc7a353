#include "middleware/response_rules.hpp"

#include <array>
#include <charconv>

#include "middleware/limits.hpp"
#include "middleware/optional_whitespace.hpp"
#include "middleware/request_block.hpp"

namespace owind::middleware {
namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kToken = make_token_table();

bool is_token(std::string_view name) {
  if (name.empty()) return false;
  for (char c : name)
    if (!kToken[static_cast<unsigned char>(c)]) return false;
  return true;
}

bool is_line(std::string_view value) {
  for (char c : value)
    if (c == '\r' || c == '\n' || c == '\0') return false;
  return true;
}

bool is_hop_by_hop(std::string_view name) {
  // By length first: nearly every field of a usual response is dismissed by the switch.
  switch (name.size()) {
    case 2:
      return equals_ignore_case(name, "TE");
    case 7:
      return equals_ignore_case(name, "Trailer") || equals_ignore_case(name, "Upgrade");
    case 10:
      return equals_ignore_case(name, "Connection") || equals_ignore_case(name, "Keep-Alive");
    case 16:
      return equals_ignore_case(name, "Proxy-Connection");
    case 17:
      return equals_ignore_case(name, "Transfer-Encoding");
    default:
      return false;
  }
}

/// Names a field in an error without repeating bytes that a log or a page could stumble over.
std::string shown(std::string_view name) {
  std::string text;
  for (char c : name.substr(0, 64)) text += c >= ' ' && c < 0x7f ? c : '?';
  return text;
}

/// -1: not a length.
std::int64_t parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18) return -1;
  std::int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

bool check_response_head(const ResponseHeadView& head, const ResponseContext& context, ResponseHead& out,
                         std::string& error) {
  out.clear();
  if (head.status < 100 || head.status > 999) {
    error = "The status code " + std::to_string(head.status) + " is not between 100 and 999 (RFC 9110 §15).";
    return false;
  }
  if (head.status < 200 && !context.can_switch_protocols) {
    error = "The status code " + std::to_string(head.status) +
            " is an interim response (RFC 9110 §15.2), which FastCGI cannot carry; use a final status.";
    return false;
  }
  if (!is_line(head.reason)) {
    error = "The reason phrase contains CR, LF or NUL.";
    return false;
  }
  out.status = head.status;
  out.unbuffered = head.unbuffered;
  const bool no_content = head.status == 204 || head.status < 200;
  out.body_swallowed = context.is_head_request || no_content || head.status == 304;
  const std::string_view reason = trim(head.reason);
  out.set_reason(reason.empty() ? standard_reason(head.status) : reason);
  for (const FieldView& field : head.fields) {
    if (!is_token(field.name)) {
      error = "The response header name '" + shown(field.name) + "' is not a token (RFC 9110 §5.6.2).";
      return false;
    }
    if (!is_line(field.value)) {
      error = "The value of the response header '" + shown(field.name) +
              "' contains CR, LF or NUL (RFC 9110 §5.5).";
      return false;
    }
    if (is_hop_by_hop(field.name)) continue;
    if (field.name.size() == 14 && equals_ignore_case(field.name, "Content-Length")) {
      const std::int64_t length = parse_length(trim(field.value));
      if (length < 0) {
        error = "The response header 'Content-Length' is not a number of bytes: '" + shown(field.value) +
                "' (RFC 9110 §8.6).";
        return false;
      }
      if (out.content_length >= 0 && out.content_length != length) {
        error = "The response has two different values of 'Content-Length' (RFC 9110 §8.6).";
        return false;
      }
      const bool first = out.content_length < 0;
      out.content_length = length;
      if (!first || no_content) continue;
      char digits[24];
      const auto end = std::to_chars(digits, digits + sizeof digits, length).ptr;
      out.add("Content-Length", {digits, static_cast<std::size_t>(end - digits)});
      continue;
    }
    out.add(field.name, field.value);
    if (out.size_bytes() > kMaxResponseHeadBytes) break;
  }
  if (head.no_body_follows && out.content_length < 0 && !out.body_swallowed) {
    out.content_length = 0;
    out.add("Content-Length", "0");
  }
  if (out.size_bytes() > kMaxResponseHeadBytes) {
    error = "The response head is larger than " + std::to_string(kMaxResponseHeadBytes) + " bytes.";
    return false;
  }
  return true;
}

std::string_view standard_reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 208:
      return "Already Reported";
    case 226:
      return "IM Used";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 305:
      return "Use Proxy";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 418:
      return "I'm a teapot";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 424:
      return "Failed Dependency";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 506:
      return "Variant Also Negotiates";
    case 507:
      return "Insufficient Storage";
    case 508:
      return "Loop Detected";
    case 510:
      return "Not Extended";
    case 511:
      return "Network Authentication Required";
    default:
      return "Unknown";
  }
}

}  // namespace owind::middleware
