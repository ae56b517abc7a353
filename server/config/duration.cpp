#include "server/config/duration.hpp"

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace owind::config {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw std::invalid_argument(
      std::string("\"")
          .append(text)
          .append("\" is not a duration: ")
          .append(why)
          .append("; write whole seconds, or a whole number with ms, s, m or h, as in 30 or 500ms"));
}

/// Milliseconds of one unit, or 0.
std::int64_t milliseconds_of(std::string_view unit) {
  if (unit.empty() || unit == "s") return 1'000;
  if (unit == "ms") return 1;
  if (unit == "m" || unit == "min") return 60'000;
  if (unit == "h") return 3'600'000;
  return 0;
}

}  // namespace

std::chrono::milliseconds parse_duration(std::string_view text) {
  if (text.empty()) refuse(text, "it is empty");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) refuse(text, "it is longer than a year");
  if (error != std::errc{}) refuse(text, "it does not begin with a digit");
  const std::int64_t factor = milliseconds_of(text.substr(static_cast<std::size_t>(end - text.data())));
  if (factor == 0) refuse(text, "the unit is unknown");
  if (number > static_cast<std::uint64_t>(kMaxDuration.count() / factor))
    refuse(text, "it is longer than a year");
  return std::chrono::milliseconds(static_cast<std::int64_t>(number) * factor);
}

}  // namespace owind::config
