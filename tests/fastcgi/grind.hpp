// The grind: a conversation gives the same events however it is cut into reads.
#pragma once

#include <doctest/doctest.h>

#include "tests/fastcgi/conversation.hpp"

/// Shows events one a line where a check fails.
template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += "\n    " + line.substr(0, 200);
    return text.c_str();
  }
};

namespace owind::fastcgi::testing {

inline constexpr ManagementValues kTestValues{
    .max_connections = 10'000, .max_requests = 50, .multiplexes = true};

/// The events of `stream` fed whole.
inline Lines events_of(std::string_view stream, const Limits& limits = {},
                       const Recorder::React& react = {}) {
  ConnectionState state(limits, kTestValues);
  Recorder recorder(state, react);
  recorder.feed(stream);
  return recorder.lines();
}

/// Checks that `stream` gives `expected`: whole, cut in two at every position, and a byte at a time.
inline void grind(std::string_view stream, const Lines& expected, const Limits& limits = {},
                  const Recorder::React& react = {}) {
  CHECK(events_of(stream, limits, react) == expected);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    ConnectionState state(limits, kTestValues);
    Recorder recorder(state, react);
    recorder.feed(stream.substr(0, cut));
    recorder.feed(stream.substr(cut));
    if (recorder.lines() == expected && (recorder.failed() || recorder.consumed_all())) continue;
    CAPTURE(cut);
    CHECK(recorder.lines() == expected);
    CHECK(recorder.consumed_all());
    return;
  }
  ConnectionState state(limits, kTestValues);
  Recorder recorder(state, react);
  for (const char byte : stream) recorder.feed({&byte, 1});
  CHECK(recorder.lines() == expected);
}

}  // namespace owind::fastcgi::testing
