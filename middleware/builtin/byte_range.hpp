// The Range field (RFC 9110 §14.2): which part of a representation is asked for.
#pragma once

#include <cstdint>
#include <string_view>

namespace owind::middleware {

struct ByteRange {
  enum class Kind : std::uint8_t {
    kWhole,          ///< No range that is understood, or several: everything is sent, as §14.2 allows.
    kPart,           ///< first, count; count is at least 1.
    kUnsatisfiable,  ///< Behind the end: 416.
  };
  Kind kind = Kind::kWhole;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// What the value of a Range field asks for of `size` bytes.
ByteRange parse_byte_range(std::string_view value, std::uint64_t size);

}  // namespace owind::middleware
