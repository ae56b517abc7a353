// Watches the leases of all shards and takes those that stall; makes spare threads; wakes leaders that wait
// for the runtime. One thread, which sleeps in futexes only and is parked while nothing happens (pace.hpp
// says when it looks). The looking itself, look(), is a plain function that tests call by hand with a clock
// of their own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/runner/options.hpp"
#include "server/runner/pace.hpp"
#include "server/runner/shard.hpp"

namespace owind::runner {

class Monitor {
 public:
  /// All outlive this; no shard is added after start() or the first look().
  Monitor(const RunnerOptions& options, const RunnerSeams& seams,
          const std::vector<std::unique_ptr<Shard>>& shards, SpareThreads& threads);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Starts the thread. Throws std::system_error.
  void start();
  /// Ends the thread; returns when it has ended. Not from the thread itself.
  void stop() noexcept;

  /// A lease was published, or a shard wants to be looked at. One load when the monitor is not parked.
  void published() noexcept {
    if (parked_.load(std::memory_order_seq_cst)) wake();
  }
  /// Have a look soon, whatever the leases say.
  void nudge() noexcept;

  /// Looks at every shard once and does what is due. Any thread; serialised.
  /// @return when to look again
  Pace::Next look() noexcept;

  std::uint64_t looks() const noexcept { return looks_.load(std::memory_order_relaxed); }

 private:
  /// What is remembered of a shard from look to look.
  struct Watch {
    Lease::Word word = 0;       // at the last look
    Clock::time_point since{};  // when it was seen first
    CallMark runtime_wait{};    // the stolen call that keeps the leader out of the application
    // The last steal that taught the predictor something.
    CallMark taught_by{};
    std::uint32_t taught_key = 0;
    Clock::time_point taught_at{};
  };

  void run() noexcept;
  void wake() noexcept;
  bool anything_since_look() noexcept;
  void watch(Shard& shard, Watch& watch, Clock::time_point now, Pace::Sight& sight) noexcept;
  bool has_stalled(const Worker& leader, const Watch& watch, Clock::time_point now) const noexcept;
  bool steal(Shard& shard, Watch& watch, Clock::time_point now) noexcept;
  bool collecting() const noexcept;
  void pardon_recent(Clock::time_point now) noexcept;
  Clock::time_point now() const;

  const RunnerOptions& options_;
  const RunnerSeams& seams_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  SpareThreads& threads_;

  std::mutex look_mutex_;
  std::vector<Watch> watches_;  // one a shard
  Pace pace_;
  std::atomic<std::uint64_t> looks_{0};

  alignas(64) std::atomic<bool> parked_{false};  // read at every lease, written seldom

  alignas(64) std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace owind::runner
