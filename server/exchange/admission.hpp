// What the requests of all shards have together: how many are in flight, how many of them are orphans, and how many
// body bytes they hold unread. Any thread.
#pragma once

#include <atomic>
#include <cstddef>

namespace owind::exchange {

class Admission {
 public:
  explicit Admission(std::size_t max_in_flight, std::size_t max_buffered_bytes = ~std::size_t{0})
      : max_in_flight_(max_in_flight), max_buffered_(max_buffered_bytes) {}

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

  /// Request bodies that were received and not read.
  void buffer(std::size_t bytes) noexcept { buffered_.fetch_add(bytes, std::memory_order_relaxed); }
  void unbuffer(std::size_t bytes) noexcept { buffered_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t buffered() const noexcept { return buffered_.load(std::memory_order_relaxed); }
  /// More than there may be: who holds some waits.
  bool buffers_full() const noexcept { return buffered() > max_buffered_; }

  std::size_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  std::size_t orphans() const noexcept { return orphans_.load(std::memory_order_relaxed); }
  std::size_t max_in_flight() const noexcept { return max_in_flight_; }

 private:
  const std::size_t max_in_flight_;
  const std::size_t max_buffered_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> orphans_{0};
  std::atomic<std::size_t> buffered_{0};
};

}  // namespace owind::exchange
