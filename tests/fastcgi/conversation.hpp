// Builds what a front end sends and writes down what ConnectionState makes of it, one line an event.
// Every chunk is fed from a heap buffer of exactly its size that is freed afterwards, so that
// AddressSanitizer sees a view that reaches too far or lives too long. Used by the tests and the fuzz
// targets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fastcgi/connection_state.hpp"
#include "fastcgi/record.hpp"

namespace owind::fastcgi::testing {

using Bytes = std::string;
using Lines = std::vector<std::string>;
using namespace std::string_literals;
using namespace std::string_view_literals;

inline std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4];
    out += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

// --- what a front end sends -------------------------------------------------------------------------------

inline Bytes record(int type, int id, std::string_view content = {}, int padding = 0, int version = 1) {
  Bytes out;
  for (const int value : {version, type, id >> 8, id & 255, static_cast<int>(content.size() >> 8),
                          static_cast<int>(content.size() & 255), padding, 0}) {
    out += static_cast<char>(value);
  }
  out += content;
  // Padding may hold anything; what looks like a header must not become one.
  for (int i = 0; i < padding; ++i) out += static_cast<char>(i % 2 == 0 ? 1 : 4);
  return out;
}

inline Bytes begin(int id, int role = 1, int flags = 1) {
  const char content[] = {
      static_cast<char>(role >> 8), static_cast<char>(role), static_cast<char>(flags), 0, 0, 0, 0, 0};
  return record(1, id, {content, 8});
}
inline Bytes abort_request(int id) { return record(2, id); }
inline Bytes params(int id, std::string_view content = {}, int padding = 0) {
  return record(4, id, content, padding);
}
inline Bytes stdin_record(int id, std::string_view content = {}, int padding = 0) {
  return record(5, id, content, padding);
}

inline Bytes long_length(std::uint32_t length) {
  return {static_cast<char>(length >> 24 | 0x80), static_cast<char>(length >> 16),
          static_cast<char>(length >> 8), static_cast<char>(length)};
}
inline Bytes short_or_long_length(std::size_t length) {
  return length < 128 ? Bytes(1, static_cast<char>(length)) : long_length(static_cast<std::uint32_t>(length));
}
inline Bytes pair(std::string_view name, std::string_view value) {
  return short_or_long_length(name.size()) + short_or_long_length(value.size()) + Bytes(name) + Bytes(value);
}

// --- what becomes of it -----------------------------------------------------------------------------------

/// Feeds a state and records. After each event `react` may call end(). Stops for good at an error.
class Recorder {
 public:
  using React = std::function<void(ConnectionState&, const Event&)>;

  explicit Recorder(ConnectionState& state, React react = {}) : state_(state), react_(std::move(react)) {}

  void feed(std::string_view chunk) {
    const std::vector<std::byte> copy(as_bytes(chunk).begin(), as_bytes(chunk).end());
    std::span<const std::byte> rest(copy);
    // Every other chunk by the shorter way for parameters. Not with a `react`: that may end the request
    // between two parameters.
    const bool many = !react_ && std::exchange(many_, !many_);
    while (!failed_) {
      if (many) rest = rest.subspan(take_params(rest));
      const auto fed = state_.next(rest);
      consumed_all_ = fed.consumed == rest.size();
      rest = rest.subspan(fed.consumed);
      if (fed.event.kind == Event::Kind::kNeedMore) break;
      write(fed.event);
      if (react_) react_(state_, fed.event);
    }
  }

  [[nodiscard]] const Lines& lines() const { return lines_; }
  /// Whether the last feed() took everything, as kNeedMore promises.
  [[nodiscard]] bool consumed_all() const { return consumed_all_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::size_t take_params(std::span<const std::byte> input) {
    std::array<NameValue, 2> some;
    std::size_t consumed = 0;
    for (;;) {
      const auto params = state_.take_params(input.subspan(consumed), some);
      if (params.count == 0) return consumed;
      consumed += params.consumed;
      last_stdin_ = 0;
      for (const auto& [name, value] : std::span(some).first(params.count))
        lines_.push_back("param " + std::to_string(params.id) + " " + std::string(name) + "=" +
                         std::string(value));
    }
  }

  void write(const Event& event) {
    const std::string id = std::to_string(event.id);
    const bool continues_stdin =
        last_stdin_ == event.id && event.kind == Event::Kind::kStdin && !lines_.empty();
    last_stdin_ = event.kind == Event::Kind::kStdin ? event.id : 0;
    const std::string_view bytes(reinterpret_cast<const char*>(event.bytes.data()), event.bytes.size());
    switch (event.kind) {
      case Event::Kind::kNeedMore:
        break;
      case Event::Kind::kBegin:
        lines_.push_back("begin " + id + (event.role == Role::kAuthorizer ? " authorizer" : " responder") +
                         (event.keep_connection ? " keep" : " close"));
        break;
      case Event::Kind::kParam:
        lines_.push_back("param " + id + " " + std::string(event.name) + "=" + std::string(event.value));
        break;
      case Event::Kind::kParamsEnd:
        lines_.push_back("params-end " + id);
        break;
      case Event::Kind::kStdin:
        // Where a body is cut means nothing: neighbouring pieces are one line.
        if (continues_stdin) {
          lines_.back().append(bytes);
        } else {
          lines_.push_back("stdin " + id + " " + std::string(bytes));
        }
        break;
      case Event::Kind::kStdinEnd:
        lines_.push_back("stdin-end " + id);
        break;
      case Event::Kind::kAbort:
        lines_.push_back("abort " + id);
        break;
      case Event::Kind::kReply:
        lines_.push_back("reply " + hex(event.bytes) +
                         (event.error == Errc::kNone ? "" : std::string(" ") + message(event.error)) +
                         (event.keep_connection ? "" : " close"));
        break;
      case Event::Kind::kParamsLimit:
        lines_.push_back("limit " + id + " " + message(event.error));
        break;
      case Event::Kind::kPeerError:
        lines_.push_back(std::string("error ") + message(event.error));
        failed_ = true;
        break;
    }
  }

  ConnectionState& state_;
  React react_;
  Lines lines_;
  std::uint16_t last_stdin_ = 0;
  bool consumed_all_ = true;
  bool failed_ = false;
  bool many_ = true;
};

}  // namespace owind::fastcgi::testing
