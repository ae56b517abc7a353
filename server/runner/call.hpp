// One entry into the application: the start of a request, or the continuation of one that waited.
// The runner knows neither requests nor the CLR; it decides on which thread a call runs, and for how long
// that thread may keep the shard (see runner.hpp).
#pragma once

#include <atomic>
#include <cstdint>

namespace owind::runner {

/// How a call enters the application.
enum class Entry : std::uint8_t {
  kInline,  ///< On the calling thread, which may be held for arbitrarily long.
  kQueue,   ///< The callee only queues itself on the runtime's own thread pool and returns at once.
};

enum class CallKind : std::uint8_t {
  kStart,   ///< A request begins. Waits in the ready list while no successor thread can be had.
  kResume,  ///< A waiting read or write may go on, or the request was aborted. Never waits for a thread:
            ///< without a successor it is queued.
};

/// An intrusive node of a shard's ready list. Owned by whoever enqueues it, who keeps it alive until run()
/// begins; run() may cause its reuse, so the runner touches no call after having called run().
class Call {
 public:
  /// Enters the application. Called once per Shard::ready(), by the shard's leader or, for a call that was
  /// handed over, by a thread that was the leader until just before; so it must not touch the shard's state
  /// (the call itself, and what belongs to its request alone, it may). `entered` belongs to the calling
  /// thread and outlives the call: the first instruction in the application stores 1 into it, by which the
  /// runner tells "waits for the runtime (a collection)" from "the application works". A call that never
  /// enters the runtime stores 1 itself if it can take long.
  virtual void run(Entry entry, std::atomic<std::int32_t>& entered) noexcept = 0;

  CallKind kind = CallKind::kStart;
  /// Hash of what predicts blocking (method and path); any value is legal. Not changed while in a ready list.
  std::uint32_t key = 0;

 protected:
  Call() = default;
  ~Call() = default;
  Call(const Call&) = default;
  Call& operator=(const Call&) = default;

 private:
  friend class ReadyList;
  Call* next_ = nullptr;
  std::uint64_t ticket_ = 0;  // the place in the order of arrival, over all lists of the shard
};

}  // namespace owind::runner
