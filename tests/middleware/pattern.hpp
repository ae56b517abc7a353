// Bytes that say where in a stream they stand, so that a lost, doubled or foreign one is seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace owind::middleware::testing {

inline std::byte pattern_at(std::uint64_t position) {
  return static_cast<std::byte>((position * 2654435761u) >> 13 & 0xffu);
}

/// `bytes` of the stream from `position` on.
inline std::vector<std::byte> pattern(std::uint64_t position, std::size_t bytes) {
  std::vector<std::byte> all(bytes);
  for (std::size_t i = 0; i < bytes; ++i) all[i] = pattern_at(position + i);
  return all;
}

}  // namespace owind::middleware::testing
