// When the monitor looks next: often while something may stall, never while nothing happens, seldom when
// looking would cost more than the calls that it watches. A pure function of what was seen; time and threads
// are the monitor's.
//
// * A lease is held for the second time, or calls come at least once a look: look every 500 us. At that rate
// looks cost less than the calls.
// * But where calls come by the hundred and none has stalled for two seconds, looks every 500 us cost a
// twentieth of
//   the processor: look every 2 ms. The price: there, the first call that stalls is stolen after 2 to 4 ms.
// * Two looks without any call: park. The next lease wakes the monitor, so a lone blocking call is stolen
// within 0.5 to 1 ms.
// * But at 50 requests/s each of them would wake it for three looks. So after eight wake-ups in a row that
// found nothing stalled,
//   and ten seconds without a steal, a slow trickle of calls is watched by a look each 10 ms, and the monitor
//   parks at the first one without a call. The price: in an application that has not blocked for ten seconds
//   and is nearly idle, the first call that does block keeps its shard for 10 ms. After it the monitor is
//   awake again.
#pragma once

#include <cstdint>

#include "server/runner/options.hpp"

namespace owind::runner {

class Pace {
 public:
  /// What one look found.
  struct Sight {
    bool in_call = false;  ///< A lease is held that was not at the look before.
    bool held = false;   ///< A lease is held for the second time, or something else needs the next look soon.
    bool stole = false;  ///< Something had stalled.
    std::uint64_t calls = 0;  ///< Calls begun since the look before, over all shards.
  };
  enum class Next : std::uint8_t {
    kSoon,    ///< After RunnerOptions::look_interval.
    kStroll,  ///< After RunnerOptions::stroll; leases do not wake the monitor.
    kNap,     ///< After RunnerOptions::nap; leases do not wake the monitor.
    kPark,    ///< When a lease is published.
  };

  /// `options` outlives this. `now` is the start: the first ten seconds count as "has stalled lately".
  Pace(const RunnerOptions& options, Clock::time_point now) noexcept;

  Next after(const Sight& sight, Clock::time_point now) noexcept;

 private:
  const RunnerOptions& options_;
  Clock::time_point last_look_;
  Clock::time_point last_steal_;
  int quiet_looks_ = 0;
  int vain_wakes_ = 0;
};

}  // namespace owind::runner
