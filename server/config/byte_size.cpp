#include "server/config/byte_size.hpp"

#include <charconv>
#include <limits>
#include <stdexcept>
#include <string>

namespace owind::config {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw std::invalid_argument(
      std::string("\"")
          .append(text)
          .append("\" is not a size: ")
          .append(why)
          .append("; write bytes, or a number with k, M or G (powers of 1024), as in 262144 or 256k"));
}

/// The power of two that `unit` stands for, or -1.
int shift_of(std::string_view unit) {
  if (unit.empty() || unit == "B" || unit == "b") return 0;
  int shift = -1;
  switch (unit.front()) {
    case 'k':
    case 'K':
      shift = 10;
      break;
    case 'm':
    case 'M':
      shift = 20;
      break;
    case 'g':
    case 'G':
      shift = 30;
      break;
    default:
      return -1;
  }
  const std::string_view rest = unit.substr(1);
  return rest.empty() || rest == "i" || rest == "iB" || rest == "ib" ? shift : -1;
}

}  // namespace

std::uint64_t parse_byte_size(std::string_view text) {
  if (text.empty()) refuse(text, "it is empty");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) refuse(text, "it is too large");
  if (error != std::errc{}) refuse(text, "it does not begin with a digit");
  const int shift = shift_of(text.substr(static_cast<std::size_t>(end - text.data())));
  if (shift < 0) refuse(text, "the unit is unknown");
  if (number > (std::numeric_limits<std::uint64_t>::max() >> shift)) refuse(text, "it is too large");
  return number << shift;
}

}  // namespace owind::config
