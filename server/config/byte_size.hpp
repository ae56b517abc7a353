// Sizes as people write them.
#pragma once

#include <cstdint>
#include <string_view>

namespace owind::config {

/// Reads "4096", "256k", "1M", "2GiB": k, M and G (in either case, optionally followed by i or iB) are powers
/// of 1024, as in nginx and php. "kB" and "MB" are refused, because half of their readers take them for
/// powers of 1000.
/// @throws std::invalid_argument that quotes `text` and shows what was expected.
std::uint64_t parse_byte_size(std::string_view text);

}  // namespace owind::config
