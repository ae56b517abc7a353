// Decides on which thread a call into the application runs: inline, and stolen on a stall.
//
// The idea. Each shard has an IoLoop and exactly one thread that leads it. The leader runs IO handlers and,
// outside of any handler, the calls that these made ready: on its own stack, with no queue and no switch
// between, which costs a third of a thread pool. Should a call block, another thread takes the shard and
// leads it; the one that blocks finds out when its call returns.
//
//   leader:   [handler][call][handler][call ..................... returns: not mine any more] -> spare
//   monitor:              look        look: the same call, and its thread sleeps: take the lease
//   successor:                            [drain][handler][call] ...
//
// Lease (lease.hpp). One word a shard: even, the leader is in its loop; odd, it is in call number word/2. The
// leader publishes it before a call and ends it after, the thief ends it instead: one compare-exchange, which
// exactly one of them wins. Who wins owns all that is the leader's own. So no two threads ever run the loop,
// a handler or the drain of one shard, and none of it has a lock.
//
// Loop (shard.cpp). Drain the dirty list, flush; up to 16 calls, draining and flushing after each; then IO:
// without blocking if calls are left, else one handler, asleep until there is one.
//
// Effects. Whoever changes something that the leader has to see pushes an Effect, from any thread. Push, then
// look whether the leader has announced sleep; the leader announces sleep, then looks at the list again (both
// sequentially consistent): one of them sees the other. A leader that is not asleep drains before it sleeps,
// and a thief drains first of all: no effect is lost, and none costs a system call while the leader is awake.
//
// Monitor (monitor.hpp, pace.hpp). Looks at the leases every 500 us while there are calls, is parked
// otherwise, and then woken by the first lease: publish, then look whether it is parked; it stores that it is
// parked, then looks at the leases. A lease seen twice has stalled if its thread sleeps in the kernel, or
// after 10 ms. blocking() is the same without the waiting: the call says itself that it will.
//
// Successor. A lease is only taken when a thread is reserved that could lead next; it stays reserved until it
// is needed. Without one (max_app_threads reached, or the kernel gives none) the leader does IO only: kStart
// calls wait in the ready list, kResume calls are queued on the runtime's pool, because threads may be
// waiting for just them. The next thread that comes back is granted to the waiting shard that holds the
// fewest. One spare thread is always parked; others leave after 30 s.
//
// Predictor (predictor.hpp). A key that was stolen from is expected to stall again: the leader hands over
// before such a call, so the shard does not stand for 500 us first. It does so only if the shard has a
// successor afterwards too; else the call is put aside, and others, expected to be fast, go on with the
// thread that is reserved.
//
// Runtime waits. A call whose first instruction in the application has not run waits for the runtime (a
// collection), and so would every call after it. While a stolen call is like that, its shard enters no other,
// not even to queue it: a collection costs a shard two threads at most, however long it takes. Steals while
// it lasts, and just before, teach the predictor nothing. A handed-over call that is like that only keeps
// others from being handed over.
//
// Threads are named owind-lead-N (a thread keeps that name while a stolen call lasts), owind-app-N (a call
// handed over), owind-spare and owind-monitor. They have the signal mask of start()'s caller.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "server/runner/monitor.hpp"
#include "server/runner/options.hpp"
#include "server/runner/shard.hpp"
#include "server/runner/spare_threads.hpp"
#include "server/runner/stop_latch.hpp"

namespace owind::runner {

/// One a process. In production it is never destroyed: a call may never return.
class Runner {
 public:
  explicit Runner(RunnerOptions options = {}, RunnerSeams seams = {});
  /// stop() and join(), if that was not done.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// Before start(). `io` outlives the runner's threads; the shard lives as long as the runner.
  Shard& add_shard(IoLoop& io);

  /// Starts for each shard a leader and (Dispatch::kSteal) a reserved successor, then one spare and the
  /// monitor. Throws std::system_error when a thread cannot be made; then none is left. Once.
  void start();

  /// Leaders leave their loops after the current handler or call; calls that are still ready are not run. A
  /// leader whose call blocks is stolen from as ever, so this does not wait for the application. Any thread,
  /// also one of the runner's; any number of times.
  void stop() noexcept;
  /// Waits until no thread leads any shard. @return false when the deadline passed first
  bool wait_leaders(Clock::time_point deadline);
  /// Waits until every thread has ended, also those that run calls: for ever, if one never returns. After
  /// stop(). Not from a thread of the runner.
  void join();

  /// A snapshot, each number for itself. Any thread.
  RunnerStats stats() const;

  /// The calling thread is about to block inside an application call. If it leads a shard it hands leadership
  /// over at once. Any thread; a few nanoseconds for one that leads none.
  static Blocking blocking() noexcept;

  /// One look of the monitor: for tests that step it by hand.
  Pace::Next look() noexcept { return monitor_.look(); }

 private:
  void start_threads();

  const RunnerOptions options_;
  const RunnerSeams seams_;
  StopLatch latch_;
  std::vector<std::unique_ptr<Shard>> shards_;
  SpareThreads threads_;
  Monitor monitor_;
  bool started_ = false;
  bool joined_ = false;
};

}  // namespace owind::runner
