// The reason phrases of RFC 9110 §15 and of the registered extensions, for a `Status` line that has none.
#pragma once

#include <cstdint>
#include <string_view>

namespace owind::fastcgi {

/// Never empty: a code without a phrase of its own gets that of its class. A literal.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

}  // namespace owind::fastcgi
