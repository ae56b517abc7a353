// One shard as the runner sees it: who leads it, which calls wait, which effects were not looked at yet; and
// the loop that its leader runs (runner.hpp says how it all fits together). Knows the IO only as IoLoop.
//
// Who owns what: everything below "the leader's own" belongs to the thread that leads, and passes with the
// leadership: to the leader's loop, or to whoever ended the lease of a call (the monitor, or the calling
// thread itself in blocking()).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/runner/call.hpp"
#include "server/runner/dirty_list.hpp"
#include "server/runner/effect.hpp"
#include "server/runner/io_loop.hpp"
#include "server/runner/lease.hpp"
#include "server/runner/options.hpp"
#include "server/runner/predictor.hpp"
#include "server/runner/ready_list.hpp"
#include "server/runner/worker.hpp"

namespace owind::runner {

class Monitor;
class SpareThreads;
class StopLatch;

/// What native.blocking() is told.
enum class Blocking : std::uint8_t {
  kNotALeader,  ///< Nothing to do: no shard waits for this thread.
  kHandedOver,  ///< The thread led a shard and leads it no longer; it may block.
  kRefused,  ///< The thread leads a shard that nobody else can lead (Dispatch::kInline): waiting would stop
             ///< it for ever.
};

class Shard {
 public:
  /// What a shard needs of its runner. All outlive it.
  struct Surroundings {
    const RunnerOptions& options;
    const RunnerSeams& seams;
    Monitor& monitor;
    SpareThreads& threads;
    StopLatch& latch;
  };

  Shard(std::size_t index, IoLoop& io, const Surroundings& surroundings) noexcept;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// Appends a call to the ready list. The leader only, from a handler, on_effect() or flush(). `call` is in
  /// no list and stays alive until its run() begins. Calls run in the order of arrival, with three
  /// exceptions: without a successor thread kStart waits while kResume is queued on the runtime; a kStart
  /// that is expected to stall waits, while others pass, until a thread can be had for it; and calls that
  /// were handed over run beside those behind them.
  void ready(Call& call) noexcept;

  /// Takes a call that has not begun off the ready list: O(n). The leader only, as ready().
  /// @return false when it was not there: it has begun, or was never enqueued
  bool remove(Call& call) noexcept;

  /// Calls that wait. The leader only.
  std::size_t ready_count() const noexcept { return starts_.size() + resumes_.size() + deferred_.size(); }

  /// Makes the leader look at `effect` (IoLoop::on_effect), soon and at least once after this. Any thread,
  /// also inside a call. Lock-free; wakes the leader only when it sleeps.
  void dirty(Effect& effect) noexcept;

  /// Whether the calling thread is the leader: in its loop, or in a call whose lease is still its own. In a
  /// call the answer is a snapshot: the lease can be taken at any time.
  bool on_leader() const noexcept;

  std::size_t index() const noexcept { return index_; }

  // -- For the runner's other parts.

  /// The leader's loop. Returns when another thread leads, or when the runner stops.
  void lead(Worker& me) noexcept;
  /// Before the first leader: who follows it, or null where nothing is stolen.
  void prepare(Worker& leader, Worker* successor) noexcept;

  /// The lease, to look at; and who holds it. The worker is the holder for certain only if steal() succeeds
  /// afterwards.
  Lease::Word lease() const noexcept { return lease_.load(); }
  const Worker* leader() const noexcept { return leader_.load(std::memory_order_acquire); }
  /// A lease was stolen or not; and if so, the key of the call that lost it.
  struct Theft {
    bool stolen = false;
    std::uint32_t key = 0;
  };
  /// Takes the lease `word` from its holder and lets the successor lead. With `runtime_wait` (the call, if it
  /// waits for the runtime) the new leader enters no call before that one is through.
  Theft steal(Lease::Word word, CallMark runtime_wait) noexcept;
  /// The calling thread, inside a call under the lease `word`, gives leadership away. False when it was
  /// stolen before.
  bool give_away(Lease::Word word) noexcept;

  /// A thread that this shard has waited for. Followed by attend().
  void grant(Worker& worker) noexcept { granted_.store(&worker, std::memory_order_release); }
  /// Makes the leader look again at all that it waits for but IO and effects. Any thread.
  void attend() noexcept;
  /// Whether the leader waits for a handed-over call to reach the application, asked once.
  bool take_entry_wanted() noexcept;
  bool entry_wanted() const noexcept { return entry_wanted_.load(std::memory_order_seq_cst); }

  Predictor& predictor() noexcept { return predictor_; }
  /// Threads that run a call of this shard and do not lead it.
  std::size_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
  ShardStats stats() const noexcept;

 private:
  enum class Turn : std::uint8_t {
    kEntered,  // a call was run or queued
    kNothing,  // no call may be run now
    kLost,     // another thread leads
  };

  void settle() noexcept;
  void turn_to_io(bool may_sleep) noexcept;
  Turn enter_next(Worker& me) noexcept;
  Turn enter_by_steal(Worker& me) noexcept;
  Turn call_under_lease(Worker& me, Call& call) noexcept;
  Turn call_in_loop(Worker& me, Call& call, Entry entry) noexcept;
  Turn hand_over(Worker& me, Call& call) noexcept;
  void succeed(CallMark runtime_wait) noexcept;
  void leave(Worker& me) noexcept;

  Call* oldest() noexcept;
  bool expects_stall(std::uint32_t key) noexcept;
  bool may_hand_over() noexcept;
  bool have_successor() noexcept;
  void take_grant() noexcept;
  Worker* reserve() noexcept;
  void release_surplus() noexcept;
  void publish_ready_count() noexcept;
  bool loops_here() const noexcept;
  void wake_if_asleep() noexcept;
  Clock::time_point now() const;

  const std::size_t index_;
  IoLoop& io_;
  const Surroundings around_;

  // What other threads touch, apart from the leader's own and from each other.
  alignas(64) Lease lease_;
  std::atomic<Worker*> leader_{nullptr};
  alignas(64) DirtyList dirty_;
  std::atomic<bool> sleeping_{
      false};  // announced by the leader before it may block; taken back by who wakes it
  std::atomic<bool> attention_{false};
  std::atomic<bool> entry_wanted_{false};
  std::atomic<Worker*> granted_{nullptr};
  std::atomic<std::size_t> held_{0};
  Predictor predictor_;

  // The leader's own.
  alignas(64) ReadyList starts_;
  ReadyList resumes_;
  ReadyList deferred_;  // starts that are expected to stall and found no thread
  std::uint64_t ticket_ = 0;
  Worker* successor_ = nullptr;  // reserved; leads when the lease is stolen. Never null while a lease is held
  Worker* second_ = nullptr;     // reserved too; the successor's successor after a hand-over
  bool asked_ = false;           // SpareThreads will grant one
  bool others_push_ = false;     // the last sleep was ended by an effect from another thread
  CallMark runtime_wait_{};      // no call is entered while this one waits for the runtime
  CallMark handed_over_{};       // the last one
  std::uint32_t leased_key_ = 0;

  // Written by the leader, read by stats().
  std::atomic<std::size_t> ready_now_{0};
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> steals_{0};
  std::atomic<std::uint64_t> hand_overs_{0};
  std::atomic<std::uint64_t> blocking_{0};
  std::atomic<std::uint64_t> queued_{0};
};

}  // namespace owind::runner
