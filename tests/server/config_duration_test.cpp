#include "server/config/duration.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "tests/server/message_of.hpp"

using namespace std::chrono_literals;
using owind::config::parse_duration;
using owind::test::contains;
using owind::test::message_of;

TEST_CASE("duration: plain numbers are seconds, units are ms, s, m and h") {
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("30") == 30s);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("2min") == 2min);
  CHECK(parse_duration("1h") == 1h);
}

TEST_CASE("duration: the longest is a year, whatever the unit") {
  CHECK(parse_duration("8760h") == owind::config::kMaxDuration);
  CHECK(parse_duration("31536000000ms") == owind::config::kMaxDuration);
  for (const char* text :
       {"8761h", "31536000001ms", "31536001", "18446744073709551615", "99999999999999999999h"}) {
    CAPTURE(text);
    CHECK(contains(message_of<std::invalid_argument>([&] { parse_duration(text); }), "longer than a year"));
  }
}

TEST_CASE("duration: anything else is quoted with the reason and an example") {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "empty"},  {"s", "digit"},   {"-1s", "digit"},  {"off", "digit"}, {"1.5s", "unit"},
      {"1d", "unit"}, {"30 s", "unit"}, {"1m30s", "unit"}, {"1S", "unit"}};
  for (const auto& [text, why] : mistakes) {
    CAPTURE(text);
    const std::string message = message_of<std::invalid_argument>([&] { parse_duration(text); });
    CHECK(contains(message, why));
    CHECK(contains(message, '"' + std::string(text) + '"'));
    CHECK(contains(message, "500ms"));
  }
}
