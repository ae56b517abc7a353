// Durations as people write them.
#pragma once

#include <chrono>
#include <string_view>

namespace owind::config {

/// Reads "30" and "30s" (seconds), "500ms", "2m", "1h". At most kMaxDuration, so that adding it to a point in
/// time cannot overflow. What 0 means is the option's business.
/// @throws std::invalid_argument that quotes `text` and shows what was expected.
std::chrono::milliseconds parse_duration(std::string_view text);

inline constexpr std::chrono::milliseconds kMaxDuration = std::chrono::hours(24 * 365);

}  // namespace owind::config
