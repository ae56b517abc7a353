// The monitor's thread, and what one look does.
#include "server/runner/monitor.hpp"

#include <pthread.h>

#include <algorithm>

#include "server/runner/spare_threads.hpp"
#include "server/runner/worker.hpp"

namespace owind::runner {
namespace {

// A collection shows itself when the next call waits for it. Steals from this many look intervals before that
// were its doing too: two looks until the first steal, two until the next, and one for the threads to wake.
constexpr int kOneStall = 5;

}  // namespace

Monitor::Monitor(const RunnerOptions& options, const RunnerSeams& seams,
                 const std::vector<std::unique_ptr<Shard>>& shards, SpareThreads& threads)
    : options_(options),
      seams_(seams),
      shards_(shards),
      threads_(threads),
      pace_(options, seams.now ? seams.now() : Clock::now()) {}

Monitor::~Monitor() { stop(); }

Clock::time_point Monitor::now() const { return seams_.now ? seams_.now() : Clock::now(); }

// ---- The thread.

void Monitor::start() { thread_ = std::thread(&Monitor::run, this); }

void Monitor::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Monitor::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "owind-monitor");
  const auto is_stopping = [this] { return stopping_; };
  for (;;) {
    const Pace::Next next = look();
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    switch (next) {
      case Pace::Next::kSoon:
        wake_.wait_for(lock, options_.look_interval, is_stopping);
        break;
      case Pace::Next::kStroll:
        wake_.wait_for(lock, options_.stroll, is_stopping);
        break;
      case Pace::Next::kNap:
        wake_.wait_for(lock, options_.nap, [this] { return stopping_ || woken_; });
        break;
      case Pace::Next::kPark:
        // A lease that was published before this store did not see it; it is seen here instead.
        parked_.store(true, std::memory_order_seq_cst);
        if (!anything_since_look()) wake_.wait(lock, [this] { return stopping_ || woken_; });
        parked_.store(false, std::memory_order_seq_cst);
        break;
    }
    woken_ = false;
  }
}

void Monitor::wake() noexcept {
  if (!parked_.exchange(false, std::memory_order_seq_cst)) return;
  nudge();
}

void Monitor::nudge() noexcept {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_one();
}

bool Monitor::anything_since_look() noexcept {
  const std::lock_guard lock(look_mutex_);
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (shards_[i]->lease() != watches_[i].word || shards_[i]->entry_wanted()) return true;
  }
  return false;
}

// ---- The looking.

Pace::Next Monitor::look() noexcept {
  const std::lock_guard lock(look_mutex_);
  looks_.fetch_add(1, std::memory_order_relaxed);
  if (watches_.size() != shards_.size()) watches_.resize(shards_.size());
  const Clock::time_point at = now();
  Pace::Sight sight;
  for (std::size_t i = 0; i < watches_.size(); ++i) watch(*shards_[i], watches_[i], at, sight);
  const bool short_of_threads = threads_.replenish(at);
  const Pace::Next next = pace_.after(sight, at);
  return short_of_threads && next == Pace::Next::kPark ? Pace::Next::kNap : next;
}

void Monitor::watch(Shard& shard, Watch& watch, Clock::time_point now, Pace::Sight& sight) noexcept {
  if (watch.runtime_wait.worker != nullptr) {
    if (watch.runtime_wait.waits_for_runtime()) {
      sight.held = true;
    } else {
      watch.runtime_wait = {};
      shard.attend();
    }
  }
  if (shard.take_entry_wanted()) {
    sight.held = true;
    shard.attend();
  }
  const Lease::Word word = shard.lease();
  if (word != watch.word) {
    sight.calls += Lease::begun(word) - Lease::begun(watch.word);
    watch.word = word;
    watch.since = now;
    sight.in_call = sight.in_call || Lease::in_call(word);
    return;
  }
  if (!Lease::in_call(word)) return;
  // The second sight of one call.
  sight.held = true;
  const Worker* const leader = shard.leader();
  if (has_stalled(*leader, watch, now) && steal(shard, watch, now)) sight.stole = true;
}

bool Monitor::has_stalled(const Worker& leader, const Watch& watch, Clock::time_point now) const noexcept {
  if (now - watch.since >= options_.running_grace) return true;
  const ThreadActivity activity = seams_.activity ? seams_.activity(leader.stat()) : leader.stat().activity();
  return activity == ThreadActivity::kSleeping;
}

bool Monitor::steal(Shard& shard, Watch& watch, Clock::time_point now) noexcept {
  // Before the lease is taken: after it, the thread may be in another call. Should the lease end first,
  // nothing comes of it.
  const CallMark call = shard.leader()->mark();
  const bool entered = !call.waits_for_runtime();
  const Shard::Theft theft = shard.steal(watch.word, entered ? CallMark{} : call);
  if (!theft.stolen) return false;
  watch.word += 1;
  if (!entered) {
    pardon_recent(now);
    watch.runtime_wait = call;
  } else if (!collecting()) {
    shard.predictor().stalled(theft.key);
    watch.taught_by = call;
    watch.taught_key = theft.key;
    watch.taught_at = now;
  }
  return true;
}

// Whether a call waits for the runtime: then others stall for the same reason, on any shard.
bool Monitor::collecting() const noexcept {
  return std::any_of(watches_.begin(), watches_.end(),
                     [](const Watch& watch) { return watch.runtime_wait.waits_for_runtime(); });
}

// Calls that were stolen just before, in the middle of the application, and still stand: they stood still for
// the collection that has only now shown itself.
void Monitor::pardon_recent(Clock::time_point now) noexcept {
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    Watch& watch = watches_[i];
    if (watch.taught_by.runs() && now - watch.taught_at <= kOneStall * options_.look_interval) {
      shards_[i]->predictor().pardon(watch.taught_key);
    }
    watch.taught_by = {};
  }
}

}  // namespace owind::runner
