// The decisions that pace.hpp describes, one look at a time.
#include "server/runner/pace.hpp"

#include <algorithm>

namespace owind::runner {
namespace {

constexpr int kQuietLooks = 2;
constexpr int kVainWakes = 8;
// In the time of a stroll: below, looks are cheap beside the calls anyway.
constexpr std::int64_t kManyCalls = 32;

}  // namespace

Pace::Pace(const RunnerOptions& options, Clock::time_point now) noexcept
    : options_(options), last_look_(now), last_steal_(now) {}

Pace::Next Pace::after(const Sight& sight, Clock::time_point now) noexcept {
  const Clock::duration elapsed = std::max<Clock::duration>(now - last_look_, options_.look_interval);
  last_look_ = now;
  if (sight.stole) {
    last_steal_ = now;
    vain_wakes_ = 0;
  }
  if (sight.held || sight.stole) {
    quiet_looks_ = 0;
    return Next::kSoon;
  }
  const bool busy =
      sight.calls > 0 && static_cast<std::int64_t>(sight.calls) * options_.stroll >= kManyCalls * elapsed;
  if (busy && now - last_steal_ >= options_.stroll_after) {
    quiet_looks_ = 0;
    return Next::kStroll;
  }
  if (sight.in_call) {
    quiet_looks_ = 0;
    return Next::kSoon;
  }
  const bool trusting = vain_wakes_ >= kVainWakes && now - last_steal_ >= options_.nap_after;
  if (sight.calls > 0) {
    quiet_looks_ = 0;
    if (!trusting) return Next::kSoon;
    const auto looks =
        static_cast<std::uint64_t>(elapsed / std::max(options_.look_interval, Clock::duration(1)));
    return sight.calls >= std::max<std::uint64_t>(looks, 2) ? Next::kSoon : Next::kNap;
  }
  if (!trusting && ++quiet_looks_ < kQuietLooks) return Next::kSoon;
  quiet_looks_ = 0;
  vain_wakes_ = std::min(vain_wakes_ + 1, kVainWakes);
  return Next::kPark;
}

}  // namespace owind::runner
