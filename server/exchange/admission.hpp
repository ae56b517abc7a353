// How many requests the process has in flight, and how many of them are orphans. Counted over all shards; any
// thread.
#pragma once

#include <atomic>
#include <cstddef>

namespace owind::exchange {

class Admission {
 public:
  explicit Admission(std::size_t max_in_flight) : max_in_flight_(max_in_flight) {}

  /// Takes a place; false when all are taken.
  bool enter() noexcept {
    if (in_flight_.fetch_add(1, std::memory_order_relaxed) < max_in_flight_) return true;
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void leave() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

  /// A request was given up but its application has not completed: its place is free, its memory is not.
  void orphan() noexcept {
    leave();
    orphans_.fetch_add(1, std::memory_order_relaxed);
  }
  void orphan_ended() noexcept { orphans_.fetch_sub(1, std::memory_order_relaxed); }

  std::size_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  std::size_t orphans() const noexcept { return orphans_.load(std::memory_order_relaxed); }
  std::size_t max_in_flight() const noexcept { return max_in_flight_; }

 private:
  const std::size_t max_in_flight_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> orphans_{0};
};

}  // namespace owind::exchange
