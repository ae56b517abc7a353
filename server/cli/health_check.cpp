#include "server/cli/health_check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <variant>
#include <vector>

#include "fastcgi/limits.hpp"
#include "fastcgi/name_value_decoder.hpp"
#include "fastcgi/record_decoder.hpp"
#include "fastcgi/record_encoder.hpp"
#include "server/io/client_socket.hpp"
#include "server/observe/escape.hpp"

namespace owind::cli {
namespace {

using io::ClientError;
using io::ClientSocket;

constexpr std::size_t kMostHead = 16 * 1024;
constexpr std::size_t kShownBody = 200;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// ---- FastCGI ----

/// The names with empty values, as a question.
std::vector<std::byte> question() {
  std::string pairs;
  for (const std::string_view name : {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"}) {
    pairs += static_cast<char>(name.size());
    pairs += '\0';
    pairs += name;
  }
  std::vector<std::byte> out;
  fastcgi::append_record(out, fastcgi::RecordType::kGetValues, fastcgi::kManagementId, bytes_of(pairs));
  return out;
}

std::string pairs_text(std::span<const std::byte> content) {
  const fastcgi::Limits limits;
  fastcgi::NameValueDecoder decoder(limits);
  std::string text, name_value;
  std::string_view name, value;
  for (;;) {
    const auto step = decoder.next(content, name, value);
    if (step.kind != fastcgi::NameValueDecoder::Step::Kind::kPair) return text;
    content = content.subspan(step.consumed);
    name_value.assign(name).append("=").append(value);
    text += (text.empty() ? "" : " ") + name_value;
  }
}

Health ask_fastcgi(const HealthTarget& target, ClientSocket::Deadline deadline) {
  ClientSocket socket(target.endpoint, deadline);
  socket.send(question());
  fastcgi::RecordDecoder records;
  std::vector<std::byte> content;
  std::array<std::byte, 4096> buffer;
  for (;;) {
    std::span<const std::byte> input(buffer.data(), socket.receive(buffer));
    if (input.empty())
      throw ClientError("the connection was closed without an answer; may this address connect (--allow)?");
    for (;;) {
      const auto fed = records.next(input);
      input = input.subspan(fed.consumed);
      using Kind = fastcgi::RecordDecoder::Event::Kind;
      if (fed.event.kind == Kind::kNeedMore) break;
      if (fed.event.kind == Kind::kError) throw ClientError("what answers speaks no FastCGI");
      if (fed.event.kind == Kind::kContent) fastcgi::append(content, fed.event.content);
      if (fed.event.kind != Kind::kEnd) continue;
      if (records.header().type == fastcgi::RecordType::kGetValuesResult) return {true, pairs_text(content)};
      // A server that does not know the question is there all the same (FastCGI 1.0 §4.2).
      if (records.header().type == fastcgi::RecordType::kUnknownType) return {true, "answers"};
      throw ClientError("an answer that was not asked for");
    }
  }
}

// ---- HTTP ----

/// The status of "HTTP/1.1 200 OK", or nothing.
std::optional<int> status_of(std::string_view head) {
  if (!head.starts_with("HTTP/1.") || head.size() < 12 || head[8] != ' ') return std::nullopt;
  int status = 0;
  const auto [end, error] = std::from_chars(head.data() + 9, head.data() + 12, status);
  if (error != std::errc{} || end != head.data() + 12 || status < 100) return std::nullopt;
  return status;
}

Health ask_http(const HealthTarget& target, ClientSocket::Deadline deadline) {
  ClientSocket socket(target.endpoint, deadline);
  const std::string where = target.endpoint.to_string();
  const bool is_unix = std::holds_alternative<io::UnixPath>(target.endpoint.place);
  const std::string request = "GET " + target.path + " HTTP/1.1\r\nHost: " +
                              (is_unix ? "localhost" : where.substr(where.find("://") + 3)) +
                              "\r\nUser-Agent: owind-health\r\nConnection: close\r\n\r\n";
  socket.send(bytes_of(request));
  std::string text;
  std::array<char, 4096> buffer;
  const auto more = [&] {
    const std::size_t received = socket.receive(std::as_writable_bytes(std::span(buffer)));
    text.append(buffer.data(), received);
    return received != 0;
  };
  while (text.find("\r\n\r\n") == std::string::npos && text.size() <= kMostHead && more()) {
  }
  const auto status = status_of(text);
  const auto end = text.find("\r\n\r\n");
  if (!status || end == std::string::npos)
    throw ClientError(text.empty() ? "the connection was closed without an answer"
                                   : "what answers speaks no HTTP/1");
  Health health{*status >= 200 && *status < 400, text.substr(9, text.find("\r\n") - 9)};
  if (health.healthy) return health;
  // The first line of what stands below may say why; if it does not come, the status says enough.
  const std::size_t body = end + 4;
  try {
    while (text.find('\n', body) == std::string::npos && text.size() < body + kShownBody && more()) {
    }
  } catch (const ClientError&) {
  }
  const std::string why =
      text.substr(body, std::min(text.find_first_of("\r\n", body), body + kShownBody) - body);
  if (!why.empty() && !why.starts_with('<')) health.line += ", " + why;
  return health;
}

}  // namespace

HealthTarget HealthTarget::parse(std::string_view text) {
  HealthTarget target;
  std::string_view endpoint = text;
  if (text.starts_with("http://")) {
    const std::string_view rest = text.substr(7);
    target.path = "/";
    // The path of a Unix socket is full of slashes: a colon ends it.
    const bool is_unix = rest.starts_with("unix:");
    const auto cut = is_unix ? rest.find(":/", 5) : rest.find('/');
    // unix:/run/x.sock and unix:///run/x.sock begin with the socket's own.
    if (cut != std::string_view::npos) {
      target.path = rest.substr(is_unix ? cut + 1 : cut);
      endpoint = text.substr(0, 7 + cut);
    }
    const auto printable = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
    if (!std::all_of(target.path.begin(), target.path.end(), printable))
      throw std::invalid_argument("\"" + observe::escape(text) +
                                  "\": a blank or a control character in the path");
  }
  target.endpoint = io::Endpoint::parse(endpoint);
  if (std::holds_alternative<io::InheritedDescriptor>(target.endpoint.place) ||
      std::holds_alternative<io::SystemdSockets>(target.endpoint.place))
    throw std::invalid_argument("\"" + std::string(text) + "\" names no address: give that of the socket");
  return target;
}

std::string HealthTarget::to_string() const {
  const bool is_unix = std::holds_alternative<io::UnixPath>(endpoint.place);
  return endpoint.to_string() + (is_unix && !path.empty() ? ":" : "") + path;
}

Health check_health(const HealthTarget& target, std::chrono::milliseconds timeout) {
  Health health;
  try {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    health = target.endpoint.scheme == io::Scheme::kHttp ? ask_http(target, deadline)
                                                         : ask_fastcgi(target, deadline);
  } catch (const std::exception& error) {
    health = {false, error.what()};
  }
  health.line = target.to_string() + ": " + observe::escape(health.line);
  return health;
}

}  // namespace owind::cli
