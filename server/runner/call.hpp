// One entry into the application: the start of a request, or the continuation of one that waited.
// The runner knows neither requests nor the CLR; it decides on which thread a call runs, and for how long that thread may
// keep the shard (docs/architecture.md, "Threads").
#pragma once

#include <atomic>
#include <cstdint>

namespace owind::runner {

/// How a call enters the application.
enum class Entry : std::uint8_t {
  kInline,  ///< On the calling thread, which holds the shard's lease; may take arbitrarily long.
  kQueue,   ///< The callee only queues itself on the runtime's own thread pool and returns at once.
};

enum class CallKind : std::uint8_t {
  kStart,   ///< A request begins. Waits in the ready list while no successor thread can be had.
  kResume,  ///< A waiting read or write may go on, or the request was aborted. Never waits: without a successor it is queued.
};

/// An intrusive node of a shard's ready list. Owned by whoever enqueues it, who keeps it alive until run() begins; run() may
/// cause its reuse, so the runner touches no call after having called run().
class Call {
 public:
  /// Enters the application. Called once per Shard::ready(). `entered` belongs to the calling thread and outlives the call:
  /// the first managed instruction stores 1 into it, by which the runner tells "waits for the runtime (a collection)" from
  /// "the application works". Must not throw; must not touch the shard's state after the application was entered.
  virtual void run(Entry entry, std::atomic<std::int32_t>& entered) noexcept = 0;

  CallKind kind = CallKind::kStart;
  /// Hash of what predicts blocking (method and path); any value is legal.
  std::uint32_t key = 0;

 protected:
  Call() = default;
  ~Call() = default;
  Call(const Call&) = default;
  Call& operator=(const Call&) = default;

 private:
  friend class ReadyList;
  Call* next_ = nullptr;
};

}  // namespace owind::runner
