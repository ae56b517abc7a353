// What the mappers of all protocols do alike with single fields of a request.
#pragma once

#include <cstdint>
#include <string_view>

#include "middleware/request_block.hpp"

namespace owind::protocol {

/// A number of bytes of 1 to 18 digits, which cannot overflow; -1: not one.
[[nodiscard]] std::int64_t parse_content_length(std::string_view digits) noexcept;

/// 1 to 5 digits.
[[nodiscard]] bool is_port(std::string_view port) noexcept;

/// All Cookie fields become the first one, joined with `; ` (RFC 9113 §8.2.3). At once, and not as they come:
/// many would cost their square. There is at least one.
void join_cookies(middleware::RequestBlock& block);

}  // namespace owind::protocol
