#include "middleware/builtin/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "middleware/optional_whitespace.hpp"
#include "middleware/request_block.hpp"

namespace owind::middleware {
namespace {

/// Digits only; a number that is too large is the largest one. False: something else.
bool number(std::string_view text, std::uint64_t& value) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return false;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
    value = std::numeric_limits<std::uint64_t>::max();
  return true;
}

}  // namespace

ByteRange parse_byte_range(std::string_view value, std::uint64_t size) {
  const auto equals = value.find('=');
  if (equals == value.npos || !equals_ignore_case(trim(value.substr(0, equals)), "bytes")) return {};
  const std::string_view range = trim(value.substr(equals + 1));
  const auto dash = range.find('-');
  if (dash == range.npos || range.find(',') != range.npos) return {};
  const std::string_view from = range.substr(0, dash), to = range.substr(dash + 1);
  std::uint64_t first = 0, last = 0;
  if (from.empty()) {
    // The last so many bytes.
    std::uint64_t count = 0;
    if (!number(to, count)) return {};
    if (count == 0 || size == 0) return {ByteRange::Kind::kUnsatisfiable};
    count = std::min(count, size);
    return {ByteRange::Kind::kPart, size - count, count};
  }
  if (!number(from, first)) return {};
  if (to.empty())
    last = std::numeric_limits<std::uint64_t>::max();
  else if (!number(to, last) || last < first)
    return {};
  if (first >= size) return {ByteRange::Kind::kUnsatisfiable};
  return {ByteRange::Kind::kPart, first, std::min(last, size - 1) - first + 1};
}

}  // namespace owind::middleware
