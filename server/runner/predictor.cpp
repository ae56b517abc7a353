// The arithmetic of the counters: saturating, and lazily fading.
#include "server/runner/predictor.hpp"

#include <algorithm>

namespace owind::runner {
namespace {

void add(std::atomic<std::uint8_t>& counter, int by, int most) noexcept {
  std::uint8_t old = counter.load(std::memory_order_relaxed);
  std::uint8_t wanted;
  do {
    wanted = static_cast<std::uint8_t>(std::clamp(int{old} + by, 0, most));
  } while (wanted != old && !counter.compare_exchange_weak(old, wanted, std::memory_order_relaxed));
}

}  // namespace

Predictor::Predictor(Clock::duration decay, Clock::time_point now) noexcept
    : decay_(std::max(decay, Clock::duration(1))), decayed_(now.time_since_epoch().count()) {}

void Predictor::step(std::uint32_t key, int by) noexcept { add(counters_[slot(key)], by, kMost); }

void Predictor::decay(Clock::time_point now) noexcept {
  Clock::rep since = decayed_.load(std::memory_order_relaxed);
  const Clock::rep steps = (now.time_since_epoch().count() - since) / decay_.count();
  if (steps <= 0) return;
  // Several threads may find that it is time; one of them does it.
  if (!decayed_.compare_exchange_strong(since, since + steps * decay_.count(), std::memory_order_relaxed))
    return;
  const int by = -static_cast<int>(std::min<Clock::rep>(steps, kMost));
  for (auto& counter : counters_) {
    if (counter.load(std::memory_order_relaxed) != 0) add(counter, by, kMost);
  }
}

void Predictor::hold(Clock::time_point now) noexcept {
  decayed_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace owind::runner
