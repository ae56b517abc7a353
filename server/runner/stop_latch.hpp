// Tells the leaders to leave, and who waits for it that they have left.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "server/runner/options.hpp"

namespace owind::runner {

class StopLatch {
 public:
  /// Before the first leader.
  void expect(std::size_t leaders) noexcept {
    const std::lock_guard lock(mutex_);
    leaders_ = leaders;
  }

  void stop() noexcept { stopping_.store(true, std::memory_order_seq_cst); }
  bool stopping() const noexcept { return stopping_.load(std::memory_order_seq_cst); }

  /// The leader of one shard has left its loop, and nobody follows it.
  void leader_left() noexcept {
    const std::lock_guard lock(mutex_);
    if (--leaders_ == 0) all_left_.notify_all();
  }

  /// @return whether all leaders had left by then
  bool wait_until(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return all_left_.wait_until(lock, deadline, [this] { return leaders_ == 0; });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    all_left_.wait(lock, [this] { return leaders_ == 0; });
  }

 private:
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable all_left_;
  std::size_t leaders_ = 0;
};

}  // namespace owind::runner
