// One thread of the runner: parked as a spare, reserved as a shard's successor, leading a shard, or inside a
// call. Holds what the thread knows of itself and what others may ask about it. Never freed while the runner
// lives, so a stale pointer is harmless; its thread may end and the object be used for another one
// (spare_threads.hpp owns it).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "server/runner/lease.hpp"
#include "server/runner/options.hpp"
#include "server/runner/thread_stat.hpp"

namespace owind::runner {

class Shard;
class SpareThreads;
class Worker;

/// One call on one thread, for those who ask about it later, when the thread may have gone on to another.
struct CallMark {
  const Worker* worker = nullptr;
  std::uint64_t call = 0;

  /// The call has not returned.
  bool runs() const noexcept;
  /// The call has neither returned nor reached its first instruction in the application: a collection is
  /// under way, or the thread did not get a processor.
  bool waits_for_runtime() const noexcept;
};

class Worker {
 public:
  enum class Order : std::uint8_t { kNone, kLead, kLeave };

  explicit Worker(SpareThreads& owner) noexcept : owner_(owner) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  SpareThreads& owner() const noexcept { return owner_; }

  /// The worker whose thread this is, or null on any other thread.
  static Worker* current() noexcept { return current_; }

  /// Makes the parked thread lead `shard`. Only for whoever reserved it, once.
  void assign(Shard& shard) noexcept;
  /// Makes the parked thread end.
  void dismiss() noexcept;
  /// Parks until there is an order, for at most `longest`; kNone when that has passed. Takes the order.
  Order await(Clock::duration longest) noexcept;
  /// The shard of the last kLead.
  Shard& assigned() const noexcept { return *assigned_; }

  /// On the worker's own thread, first and last.
  void bind() noexcept;
  void unbind() noexcept;
  /// The name that ps -T and top -H show: "owind-lead-0", at most 15 characters. The own thread only.
  static void name_thread(const char* role, std::size_t index) noexcept;
  static void name_thread(const char* role) noexcept;

  /// Around Call::run, on the own thread.
  CallMark begin_call() noexcept {
    calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    entered.store(0, std::memory_order_release);  // who sees this 0 sees the new number
    return mark();
  }
  void end_call() noexcept {
    calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  /// The call that runs, or ran last.
  CallMark mark() const noexcept { return {this, calls_.load(std::memory_order_acquire)}; }

  const ThreadStat& stat() const noexcept { return stat_; }

  /// 0 from the start of a call to the first instruction in the application.
  std::atomic<std::int32_t> entered{0};

  // What only the own thread reads and writes.
  Shard* loops = nullptr;  ///< The shard whose loop runs here: not inside a leased call.
  Shard* leased =
      nullptr;  ///< The shard that the running call's lease is of; null when it gave it away itself.
  Lease::Word lease = 0;  ///< That lease. Whether it is still held, the shard knows.

 private:
  friend struct CallMark;
  void order(Order order, Shard* shard) noexcept;

  inline static constinit thread_local Worker* current_ = nullptr;

  SpareThreads& owner_;
  std::atomic<std::uint64_t> calls_{0};  // odd while one runs
  ThreadStat stat_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Order order_ = Order::kNone;
  Shard* assigned_ = nullptr;
};

inline bool CallMark::runs() const noexcept {
  // An even number: the mark was taken after the call had returned, which a thief may do while the lease is
  // still held.
  return worker != nullptr && (call & 1) != 0 && worker->calls_.load(std::memory_order_acquire) == call;
}

inline bool CallMark::waits_for_runtime() const noexcept {
  // In this order: a 0 that belongs to a later call comes with that call's number.
  return worker != nullptr && worker->entered.load(std::memory_order_acquire) == 0 && runs();
}

}  // namespace owind::runner
