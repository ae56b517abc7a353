// Which calls of a shard are known to stall: 256 counters from 0 to 3, indexed by the call's key.
// Written by the monitor (a call was stolen), by threads that come back (a call was quick) and by the leader
// (time passed); read by the leader before each call. Every access is relaxed: a lost update costs a wrong
// guess, and a wrong guess costs microseconds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/runner/options.hpp"

namespace owind::runner {

class Predictor {
 public:
  /// Every counter loses one each `decay`, counted from `now`.
  Predictor(Clock::duration decay, Clock::time_point now) noexcept;

  /// Whether a call with this key is expected to stall. One load.
  bool expects_stall(std::uint32_t key) const noexcept {
    return counter(key).load(std::memory_order_relaxed) >= kExpected;
  }

  /// A call with this key was stolen: two steps up.
  void stalled(std::uint32_t key) noexcept { step(key, +2); }
  /// Takes stalled() back: it was the runtime that stood still, not the application.
  void pardon(std::uint32_t key) noexcept { step(key, -2); }
  /// A call that was handed over returned at once: one step down.
  void was_quick(std::uint32_t key) noexcept { step(key, -1); }

  /// Lets fade what is due at `now`. Called before the counters matter, not by a timer.
  void decay(Clock::time_point now) noexcept;
  /// Nothing fades for the time up to `now`: what was learnt still holds threads.
  void hold(Clock::time_point now) noexcept;

 private:
  static constexpr std::uint8_t kExpected = 2;
  static constexpr int kMost = 3;

  // The keys are hashes, but any value is legal: spread them once more (Knuth's multiplicative hash).
  static std::size_t slot(std::uint32_t key) noexcept { return (key * 0x9E3779B1u) >> 24; }
  const std::atomic<std::uint8_t>& counter(std::uint32_t key) const noexcept { return counters_[slot(key)]; }
  void step(std::uint32_t key, int by) noexcept;

  std::array<std::atomic<std::uint8_t>, 256> counters_{};
  const Clock::duration decay_;
  std::atomic<Clock::rep> decayed_;  // up to when
};

}  // namespace owind::runner
