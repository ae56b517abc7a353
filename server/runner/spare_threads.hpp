// The threads of a runner: makes them, parks them, reserves them for shards, and lets them leave when they
// are not needed. Owns every Worker. One lock, taken only when a thread changes hands, never around a call, a
// handler or Shard's own state.
//
// A shard that asks for a thread and gets none waits: the next one that comes back goes to the waiting shard
// that has the fewest threads held by calls, so no shard takes all of them from the others.
#pragma once

#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "server/runner/options.hpp"
#include "server/runner/worker.hpp"

namespace owind::runner {

class SpareThreads {
 public:
  /// Both outlive this.
  SpareThreads(const RunnerOptions& options, const RunnerSeams& seams);
  /// All threads have ended (join()).
  ~SpareThreads();
  SpareThreads(const SpareThreads&) = delete;
  SpareThreads& operator=(const SpareThreads&) = delete;

  /// Before the first thread. New threads get the signal mask that the caller has now.
  void set_up(std::size_t limit);

  /// A new thread, parked and reserved for the caller. Throws std::system_error when it cannot be made.
  Worker& create();

  /// A thread for `shard`, parked and reserved: a spare, or a new one. Null when the limit is reached or none
  /// can be made; then one is granted to the shard (Shard::grant) as soon as there is one, unless it
  /// withdraws. The shard's leader only.
  Worker* reserve(Shard& shard) noexcept;
  void withdraw(Shard& shard) noexcept;

  /// `worker` is not needed any more: by who reserved it, or by its own thread when it comes back from a
  /// call.
  void give_back(Worker& worker) noexcept;

  /// Makes the one spare that shall always be parked, or one for a shard that waits because none could be
  /// made. The monitor.
  /// @return whether to call again soon
  bool replenish(Clock::time_point now) noexcept;

  /// Parked threads end now, others when they come back. Any thread, any number of times.
  void stop() noexcept;
  /// Waits until every thread has ended.
  void join() noexcept;

  /// Adds the numbers of threads.
  void report(RunnerStats& stats) const;

 private:
  static void* thread_main(void* worker) noexcept;
  bool is_short() const noexcept;
  void work(Worker& me) noexcept;
  bool take_order(Worker& me) noexcept;
  bool leave(Worker& me) noexcept;
  int start_thread(Worker& worker) noexcept;
  Worker* spawn(std::unique_lock<std::mutex>& lock, int& error) noexcept;
  Shard* place(Worker& worker) noexcept;

  const RunnerOptions& options_;
  const RunnerSeams& seams_;

  mutable std::mutex mutex_;
  std::condition_variable all_ended_;
  std::size_t limit_ = 0;
  sigset_t signals_{};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> free_;    // those without a thread
  std::vector<Worker*> spares_;  // the last one came last: those below it grow old and leave
  std::vector<Shard*> waiting_;  // for reserve()
  std::size_t threads_ = 0;
  std::size_t threads_peak_ = 0;
  Clock::time_point next_try_{};
  bool stopping_ = false;
};

}  // namespace owind::runner
