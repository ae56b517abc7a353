// Steal at every point: random calls, pushers and thieves at once, for OWIND_STRESS_SECONDS (3 when not set).
// Run it under TSan. What is checked: never two threads in one shard's loop, every call run exactly once,
// every effect looked at after its push.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;
using namespace std::chrono_literals;

namespace {

Clock::duration stress_time() {
  const char* const seconds = std::getenv("OWIND_STRESS_SECONDS");
  return std::chrono::seconds(seconds == nullptr ? 3 : std::atoi(seconds));
}

/// Changes that threads make and the leader sees: `made` is counted up before each push.
class Counter {
 public:
  explicit Counter(Shard& shard)
      : effect([this] { seen.store(made.load(std::memory_order_relaxed)); }), shard_(shard) {}
  void change() {
    made.fetch_add(1, std::memory_order_relaxed);
    shard_.dirty(effect);
  }
  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> seen{0};
  TestEffect effect;

 private:
  Shard& shard_;
};

/// A request: its start call, then as many resumes as it draws, each made ready by an effect from wherever it
/// was pushed.
class Request {
 public:
  Request(Rig& rig, std::size_t shard, std::uint32_t seed)
      : rig_(rig), shard_(shard), random_(seed), call_([this](Entry entry) { run(entry); }), again_([this] {
          rig_.shard(shard_).ready(call_);
        }) {}

  /// On the leader.
  void begin() {
    call_.kind = CallKind::kStart;
    call_.key = static_cast<std::uint32_t>(random_() % 8);
    rig_.shard(shard_).ready(call_);
  }

  /// For the threads that play the runtime's pool.
  void resume() {
    call_.kind = CallKind::kResume;
    rig_.shard(shard_).dirty(again_);
  }

  std::function<void(Request&)> on_pool;  ///< Queues on the pool: resume() will be called there.
  std::function<void(Request&)> on_end;   ///< It is done and can begin again; on any thread.
  std::vector<Counter*> counters;

 private:
  void run(Entry entry) {
    if (inside_.exchange(true)) std::terminate();
    rig_.shard(shard_).on_leader();  // may be asked by any thread at any time
    const auto draw = random_() % 100;
    for (Counter* const counter : counters) {
      if (random_() % 4 == 0) counter->change();
    }
    if (entry == Entry::kInline) {
      if (draw < 3) {
        std::this_thread::sleep_for(
            std::chrono::microseconds(random_() % 2000));  // the load, not a synchronisation
      } else if (draw < 10) {
        Runner::blocking();
        std::this_thread::yield();
      } else if (draw < 30) {
        const auto until = Clock::now() + std::chrono::microseconds(random_() % 50);
        while (Clock::now() < until) {
        }
      }
    }
    for (Counter* const counter : counters) {
      if (random_() % 4 == 0) counter->change();
    }
    const bool ends = random_() % 4 == 0;
    const bool by_pool = random_() % 2 == 0;
    call_.waits_for_runtime = random_() % 8 == 0;
    inside_.store(false);
    // From here on another thread may run it again.
    if (ends) {
      on_end(*this);
    } else if (by_pool) {
      on_pool(*this);
    } else {
      resume();
    }
  }

  Rig& rig_;
  const std::size_t shard_;
  std::minstd_rand random_;
  TestCall call_;
  TestEffect again_;
  std::atomic<bool> inside_{false};
};

struct Mode {
  std::string name;
  RunnerOptions options;
  std::size_t shards;
  RunnerSeams::Monitor monitor;
  bool faults;
};

void stress(const Mode& mode, Clock::duration duration) {
  CAPTURE(mode.name);
  Rig rig(mode.options, mode.shards, mode.monitor);
  std::atomic<bool> over{false};

  std::vector<std::unique_ptr<Counter>> counters;
  for (std::size_t i = 0; i < 4 * mode.shards; ++i) {
    counters.push_back(std::make_unique<Counter>(rig.shard(i % mode.shards)));
  }

  std::mutex pool_mutex;
  std::condition_variable pool_wake;
  std::deque<Request*> pool_queue;
  std::atomic<std::size_t> ended{0};
  std::atomic<std::uint64_t> served{0};
  std::vector<std::unique_ptr<Request>> requests;
  constexpr std::size_t kRequests = 24;
  for (std::size_t i = 0; i < kRequests; ++i) {
    const std::size_t shard = i % mode.shards;
    auto request = std::make_unique<Request>(rig, shard, static_cast<std::uint32_t>(i + 1));
    for (auto& counter : counters) request->counters.push_back(counter.get());
    request->on_pool = [&](Request& queued) {
      {
        const std::lock_guard lock(pool_mutex);
        pool_queue.push_back(&queued);
      }
      pool_wake.notify_one();
    };
    request->on_end = [&, shard](Request& done) {
      served.fetch_add(1);
      if (over.load()) {
        ended.fetch_add(1);
      } else {
        rig.io(shard).post([&done] { done.begin(); });
      }
    };
    requests.push_back(std::move(request));
  }

  rig.runner->start();
  for (std::size_t i = 0; i < kRequests; ++i) {
    rig.io(i % mode.shards).post([&requests, i] { requests[i]->begin(); });
  }

  std::vector<std::thread> helpers;
  std::atomic<bool> helpers_end{false};
  for (int i = 0; i < 2; ++i) {
    helpers.emplace_back([&, i] {  // the runtime's pool
      std::minstd_rand random(static_cast<std::uint32_t>(100 + i));
      for (;;) {
        Request* request = nullptr;
        {
          std::unique_lock lock(pool_mutex);
          pool_wake.wait(lock, [&] { return helpers_end.load() || !pool_queue.empty(); });
          if (pool_queue.empty()) return;
          request = pool_queue.front();
          pool_queue.pop_front();
        }
        counters[random() % counters.size()]->change();
        request->resume();
      }
    });
  }
  if (mode.monitor == RunnerSeams::Monitor::kByHand) {
    helpers.emplace_back([&] {  // the thief: no pause between looks
      std::minstd_rand random(7);
      while (!helpers_end.load()) {
        rig.runner->look();
        rig.clock.advance(std::chrono::microseconds(random() % 1000));
        if (mode.faults) rig.create_fault = random() % 3 == 0 ? EAGAIN : 0;
        if (random() % 16 == 0) std::this_thread::yield();
      }
    });
  }

  const auto until = Clock::now() + duration;
  std::minstd_rand random(3);
  while (Clock::now() < until) {
    counters[random() % counters.size()]->change();
    if (random() % 64 == 0) std::this_thread::sleep_for(100us);  // lets the leaders fall asleep
  }
  over.store(true);
  eventually([&] { return ended.load() == kRequests; });  // every call was run
  for (auto& counter : counters) {
    eventually([&] { return counter->seen.load() == counter->made.load(); });  // and no effect lost
  }
  {
    const std::lock_guard lock(pool_mutex);
    helpers_end.store(true);
  }
  pool_wake.notify_all();
  // The thief goes on until the leaders have left, for one may be in a call.
  rig.runner->stop();
  for (auto& helper : helpers) helper.join();
  while (!rig.runner->wait_leaders(Clock::now() + 1ms)) rig.runner->look();
  rig.runner->join();

  std::uint64_t thefts = 0;
  for (const ShardStats& shard : rig.runner->stats().shards) {
    thefts += shard.steals + shard.hand_overs + shard.blocking;
    CHECK(shard.ready == 0);
    CHECK(shard.held == 0);
  }
  for (auto& io : rig.ios) CHECK(io->intruders.load() == 0);
  CHECK(served.load() >= kRequests);
  if (mode.options.dispatch == Dispatch::kSteal) CHECK(thefts > 0);
  CHECK(rig.runner->stats().threads_peak <= std::max(mode.options.max_app_threads, 2 * mode.shards + 1));
  MESSAGE(mode.name, ": ", served.load(), " requests, ", thefts, " changes of leadership");
}

RunnerOptions options_with(std::size_t threads, Dispatch dispatch = Dispatch::kSteal) {
  RunnerOptions options;
  options.max_app_threads = threads;
  options.dispatch = dispatch;
  options.running_grace = 0us;
  options.spare_linger = 1ms;
  return options;
}

}  // namespace

TEST_CASE("Stress: one leader a shard, no call and no effect lost, stolen from at every point") {
  using Monitor = RunnerSeams::Monitor;
  const Mode modes[] = {
      {"thief, one shard", options_with(512), 1, Monitor::kByHand, false},
      {"thief, two shards, few threads", options_with(6), 2, Monitor::kByHand, false},
      {"thief, fewest threads, creation fails", options_with(1), 1, Monitor::kByHand, true},
      {"monitor thread, two shards", options_with(64), 2, Monitor::kThread, false},
      {"monitor thread, few threads", options_with(4), 1, Monitor::kThread, false},
      {"inline", options_with(8, Dispatch::kInline), 2, Monitor::kThread, false},
      {"pool", options_with(8, Dispatch::kPool), 2, Monitor::kThread, false},
  };
  for (const Mode& mode : modes) stress(mode, stress_time() / static_cast<int>(std::size(modes)));
}
