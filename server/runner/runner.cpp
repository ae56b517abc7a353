// Puts the parts together, and starts and stops them.
#include "server/runner/runner.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace owind::runner {
namespace {

// The kernel's default limit of threads in a process is near it; and it keeps absurd settings from being
// allocated for.
constexpr std::size_t kMostThreads = 32'768;

}  // namespace

Runner::Runner(RunnerOptions options, RunnerSeams seams)
    : options_(std::move(options)),
      seams_(std::move(seams)),
      threads_(options_, seams_),
      monitor_(options_, seams_, shards_, threads_) {}

Runner::~Runner() {
  if (!started_ || joined_) return;
  stop();
  join();
}

Shard& Runner::add_shard(IoLoop& io) {
  assert(!started_);
  shards_.push_back(std::make_unique<Shard>(
      shards_.size(), io, Shard::Surroundings{options_, seams_, monitor_, threads_, latch_}));
  return *shards_.back();
}

void Runner::start() {
  assert(!started_);
  const std::size_t least = least_app_threads(shards_.size());
  threads_.set_up(std::max(least, std::min(options_.max_app_threads, kMostThreads)));
  try {
    start_threads();
  } catch (...) {
    threads_.stop();
    threads_.join();
    throw;
  }
  started_ = true;
}

void Runner::start_threads() {
  const bool steals = options_.dispatch == Dispatch::kSteal;
  // All of them before the first one leads: should one fail, the others are only parked.
  std::vector<Worker*> reserved;
  const auto dismiss_all = [&reserved] {
    for (Worker* const worker : reserved) worker->dismiss();
  };
  try {
    const std::size_t wanted = steals ? least_app_threads(shards_.size()) : shards_.size();
    reserved.reserve(wanted);
    while (reserved.size() < wanted) reserved.push_back(&threads_.create());
    if (steals && seams_.monitor == RunnerSeams::Monitor::kThread) monitor_.start();
  } catch (...) {
    dismiss_all();
    throw;
  }
  latch_.expect(shards_.size());
  if (steals) threads_.give_back(*reserved.back());
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Worker& leader = *reserved[i];
    shards_[i]->prepare(leader, steals ? reserved[shards_.size() + i] : nullptr);
    leader.assign(*shards_[i]);
  }
}

void Runner::stop() noexcept {
  latch_.stop();
  threads_.stop();
  for (const auto& shard : shards_) shard->attend();
}

bool Runner::wait_leaders(Clock::time_point deadline) { return latch_.wait_until(deadline); }

void Runner::join() {
  latch_.wait();
  monitor_.stop();
  threads_.join();
  joined_ = true;
}

RunnerStats Runner::stats() const {
  RunnerStats stats;
  threads_.report(stats);
  stats.looks = monitor_.looks();
  for (const auto& shard : shards_) stats.shards.push_back(shard->stats());
  return stats;
}

Blocking Runner::blocking() noexcept {
  Worker* const me = Worker::current();
  if (me == nullptr) return Blocking::kNotALeader;
  if (me->loops != nullptr) return Blocking::kRefused;
  if (me->leased == nullptr) return Blocking::kNotALeader;
  Shard& shard = *std::exchange(me->leased, nullptr);
  return shard.give_away(me->lease) ? Blocking::kHandedOver : Blocking::kNotALeader;
}

}  // namespace owind::runner
