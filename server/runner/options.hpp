// The settings of a runner, what tests may replace, and what it reports. Each number with its origin.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "server/runner/thread_stat.hpp"

namespace owind::runner {

using Clock = std::chrono::steady_clock;

/// How calls enter the application.
enum class Dispatch : std::uint8_t {
  kSteal,   ///< On the leader; a call that stalls loses the shard to a spare thread.
  kInline,  ///< On the leader, whatever it takes: for applications that never block.
  kPool,    ///< Every call is queued on the runtime's thread pool.
};

/// The fewest threads that `shards` work with: a leader and its successor each, and one that a stalled call
/// can hold.
constexpr std::size_t least_app_threads(std::size_t shards) noexcept { return 2 * shards + 1; }

struct RunnerOptions {
  Dispatch dispatch = Dispatch::kSteal;

  /// Threads over all shards: leaders, reserved successors, spares and those held by calls; the monitor is
  /// not counted. least_app_threads() are allowed in any case. Above it calls wait.
  std::size_t max_app_threads = 512;

  /// Between two looks of the monitor; a call seen at two looks has stalled. Measured: 0.5 to 1 ms costs fast
  /// calls nothing and gives 40,000 requests/s beside eight handlers that sleep 10 ms.
  Clock::duration look_interval = std::chrono::microseconds(500);
  /// Between two looks of a monitor that has found nothing for long and sees few calls.
  Clock::duration nap = std::chrono::milliseconds(10);
  /// How long nothing must have stalled before the monitor naps.
  Clock::duration nap_after = std::chrono::seconds(10);
  /// How long the monitor waits between two looks at a busy shard where nothing stalls. Each look takes the
  /// processor from a leader that needs it.
  Clock::duration stroll = std::chrono::milliseconds(2);
  /// How long nothing must have stalled before it does.
  Clock::duration stroll_after = std::chrono::seconds(2);
  /// A call whose thread computes (neither sleeps nor waits) keeps its shard this long: stealing gains it
  /// nothing.
  Clock::duration running_grace = std::chrono::milliseconds(10);
  /// A call that was handed over and returns within this would have been no harm to its shard.
  Clock::duration quick_call = std::chrono::microseconds(300);
  /// What is known of stalling keys fades by one step each.
  Clock::duration predictor_decay = std::chrono::seconds(1);
  /// An idle spare thread leaves after this; one always stays.
  Clock::duration spare_linger = std::chrono::seconds(30);
  /// After a thread could not be created, the next try comes this much later at the earliest.
  Clock::duration create_retry = std::chrono::milliseconds(100);
  /// As the main thread's on Linux, and what .NET applications are written for.
  std::size_t stack_bytes = std::size_t{8} << 20;
};

/// What a test may put in the place of the world. Empty members mean the real thing.
struct RunnerSeams {
  /// The time. Called from any thread of the runner.
  std::function<Clock::time_point()> now;
  /// What a leader that is inside a call is doing. Called by the monitor.
  std::function<ThreadActivity(const ThreadStat&)> activity;
  /// Called before each thread is created: an errno makes the creation fail with it, 0 lets it happen.
  std::function<int()> create_fault;
  /// kByHand: there is no monitor thread, the test calls Runner::look().
  enum class Monitor : std::uint8_t { kThread, kByHand } monitor = Monitor::kThread;
};

struct ShardStats {
  std::size_t ready = 0;         ///< Calls that wait to be run now.
  std::size_t held = 0;          ///< Threads that run a call and lead no longer, now.
  std::uint64_t calls = 0;       ///< Calls run under a lease, or inline without one.
  std::uint64_t steals = 0;      ///< Leases that the monitor took.
  std::uint64_t hand_overs = 0;  ///< Calls handed over before they began, for their key's history.
  std::uint64_t blocking = 0;    ///< Calls that gave leadership away by blocking().
  std::uint64_t queued = 0;      ///< Calls that went to the runtime's thread pool.
};

struct RunnerStats {
  std::size_t threads = 0;  ///< Without the monitor.
  std::size_t threads_peak = 0;
  std::size_t spares = 0;   ///< Parked and reserved for no shard.
  std::uint64_t looks = 0;  ///< Of the monitor, since the start.
  std::vector<ShardStats> shards;
};

}  // namespace owind::runner
