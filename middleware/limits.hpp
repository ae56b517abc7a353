// Sizes that bound what one request may hold in memory. Each with its origin; options change some of them.
#pragma once

#include <cstddef>

namespace owind::middleware {

struct PipeLimits {
  /// A writer waits when this much is buffered. Matches Kestrel's MaxResponseBufferSize.
  std::size_t high_mark_bytes = 64 * 1024;
  /// It goes on when no more than this is left: half, as in Kestrel's pipes, so that a wake-up moves a useful
  /// amount.
  std::size_t low_mark_bytes = 32 * 1024;
};

/// A response head above this is refused with a 500 of ours. Larger than any front end's default buffer for
/// it (nginx: one page; Apache, lighttpd: 64 KiB), so that what is refused here could not have been delivered
/// anyway.
inline constexpr std::size_t kMaxResponseHeadBytes = 64 * 1024;

}  // namespace owind::middleware
