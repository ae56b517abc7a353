// What the tests of the runner share: an IoLoop that runs functions, calls and effects made of functions, a
// clock that is set by hand, and a runner around them. Nothing here sleeps: what a test waits for is
// signalled by what it waits for; a test that waits in vain hangs, and ctest ends it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "server/runner/runner.hpp"

namespace owind::runner::test {

/// Opened once, by any thread; then it stays open.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();  // under the lock: who waits may destroy this as soon as it is open
  }
  void wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return open_; });
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return open_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
};

/// Waits for what another thread is about to do and cannot signal.
template <typename Condition>
void eventually(Condition&& condition) {
  while (!condition()) std::this_thread::yield();
}

class TestEffect : public Effect {
 public:
  explicit TestEffect(std::function<void()> look = {}) : on_look(std::move(look)) {}
  std::function<void()> on_look;
};

class TestCall : public Call {
 public:
  using Body = std::function<void(Entry)>;
  explicit TestCall(Body body, std::uint32_t call_key = 0, CallKind call_kind = CallKind::kStart)
      : on_run(std::move(body)) {
    key = call_key;
    kind = call_kind;
  }
  void run(Entry entry, std::atomic<std::int32_t>& entered) noexcept override {
    if (collection != nullptr) collection->wait();
    if (!waits_for_runtime) entered.store(1);
    on_run(entry);
    // The owner of the call may free it now.
  }
  Body on_run;
  bool waits_for_runtime = false;  ///< Does not say that it entered.
  Gate* collection = nullptr;      ///< What it waits for before it enters.
};

/// Functions as IO handlers. Checks that one thread at a time drives it: by a counter, and by plain data for
/// TSan.
class FakeIo final : public IoLoop {
 public:
  void run_one() noexcept override {
    const Owned owned(*this);
    std::function<void()> handler;
    {
      std::unique_lock lock(mutex_);
      waits_ = true;
      wake_.notify_all();
      wake_.wait(lock, [this] { return woken_ || !handlers_.empty(); });
      waits_ = false;
      woken_ = false;
      handler = take();
    }
    if (handler) handler();
  }

  bool poll_one() noexcept override {
    const Owned owned(*this);
    std::function<void()> handler;
    {
      const std::lock_guard lock(mutex_);
      handler = take();
    }
    if (handler) handler();
    return static_cast<bool>(handler);
  }

  void wake() noexcept override {
    wakes.fetch_add(1);
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    wake_.notify_all();
  }

  void on_effect(Effect& effect) noexcept override {
    const Owned owned(*this);
    auto& mine = static_cast<TestEffect&>(effect);
    if (mine.on_look) mine.on_look();
  }

  void flush(bool calls_follow) noexcept override {
    const Owned owned(*this);
    if (on_flush) on_flush();
    if (on_flush_told) on_flush_told(calls_follow);
  }

  /// Makes a handler ready, from any thread: a socket became readable.
  void post(std::function<void()> handler) {
    {
      const std::lock_guard lock(mutex_);
      handlers_.push_back(std::move(handler));
    }
    wake_.notify_all();
  }

  /// Returns once the leader sleeps in run_one() with nothing to do.
  void wait_asleep() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return waits_ && !woken_ && handlers_.empty(); });
  }

  std::function<void()> on_flush;           ///< Set before the runner starts.
  std::function<void(bool)> on_flush_told;  ///< Likewise; with `calls_follow`.
  std::atomic<int> wakes{0};
  std::atomic<int> intruders{0};  ///< Times that two threads were in here at once.
  std::uint64_t touched = 0;      ///< The leader's own; a second leader is a data race.

 private:
  struct Owned {
    explicit Owned(FakeIo& io) : io_(io) {
      if (io_.inside_.exchange(1) != 0) io_.intruders.fetch_add(1);
      ++io_.touched;
    }
    ~Owned() {
      ++io_.touched;
      io_.inside_.store(0);
    }
    FakeIo& io_;
  };

  std::function<void()> take() {
    if (handlers_.empty()) return {};
    auto handler = std::move(handlers_.front());
    handlers_.pop_front();
    return handler;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> handlers_;
  bool woken_ = false;
  bool waits_ = false;
  std::atomic<int> inside_{0};
};

/// A clock that stands still until it is moved.
class FakeClock {
 public:
  Clock::time_point now() const { return Clock::time_point(Clock::duration(ticks_.load())); }
  void advance(Clock::duration by) { ticks_.fetch_add(by.count()); }

 private:
  std::atomic<Clock::rep> ticks_{Clock::duration(std::chrono::hours(1)).count()};
};

/// A runner over fake loops. Unless told otherwise: monitor by hand, fake clock, and every leader that is in
/// a call sleeps.
class Rig {
 public:
  explicit Rig(RunnerOptions options = {}, std::size_t shard_count = 1,
               RunnerSeams::Monitor monitor = RunnerSeams::Monitor::kByHand) {
    RunnerSeams seams;
    seams.monitor = monitor;
    if (monitor == RunnerSeams::Monitor::kByHand) {
      seams.now = [this] { return clock.now(); };
      seams.activity = [this](const ThreadStat&) { return activity.load(); };
    }
    seams.create_fault = [this] { return create_fault.load(); };
    runner = std::make_unique<Runner>(options, seams);
    for (std::size_t i = 0; i < shard_count; ++i) {
      ios.push_back(std::make_unique<FakeIo>());
      shards.push_back(&runner->add_shard(*ios.back()));
    }
  }
  ~Rig() {
    runner.reset();
    for (const auto& io : ios) {
      if (io->intruders.load() != 0) std::terminate();  // two leaders: no test may survive it
    }
  }

  /// Ends all threads. For tests whose last call may still be on its way out when they have seen what they
  /// came for: nothing that it uses may go before it. Only runner-independent state may be looked at
  /// afterwards.
  void finish() {
    runner->stop();
    while (!runner->wait_leaders(Clock::now())) {
      runner->look();
      std::this_thread::yield();
    }
    runner->join();
  }

  FakeIo& io(std::size_t shard = 0) { return *ios[shard]; }
  Shard& shard(std::size_t index = 0) { return *shards[index]; }

  /// Runs `handler` on the leader, as an IO handler, and waits for its end. Not while the leader is in a
  /// call.
  template <typename Handler>
  void on_leader(Handler handler, std::size_t shard = 0) {
    Gate done;
    ios[shard]->post([&] {
      handler();
      done.open();
    });
    done.wait();
  }

  /// A handler makes the call ready. Returns at once.
  void submit(Call& call, std::size_t shard = 0) {
    ios[shard]->post([this, &call, shard] { shards[shard]->ready(call); });
  }

  /// Two looks with one interval between: what stood still is stolen.
  void look_twice() {
    runner->look();
    clock.advance(std::chrono::microseconds(500));
    runner->look();
  }

  ShardStats stats(std::size_t shard = 0) { return runner->stats().shards[shard]; }

  FakeClock clock;
  std::atomic<ThreadActivity> activity{ThreadActivity::kSleeping};
  std::atomic<int> create_fault{0};
  std::vector<std::unique_ptr<FakeIo>> ios;
  std::vector<Shard*> shards;
  std::unique_ptr<Runner> runner;
};

/// A call that blocks until it is let go, and says when it began and when it ended.
struct BlockingCall {
  explicit BlockingCall(std::uint32_t key = 0)
      : call(
            [this](Entry) {
              thread = std::this_thread::get_id();
              begun.open();
              release.wait();
              if (last) last();
              ended.open();
            },
            key) {}
  ~BlockingCall() {
    if (!begun.is_open()) return;
    release.open();
    ended.wait();
  }
  BlockingCall(const BlockingCall&) = delete;
  BlockingCall& operator=(const BlockingCall&) = delete;

  Gate begun;
  Gate release;
  Gate ended;
  std::thread::id thread;
  std::function<void()> last;
  TestCall call;
};

}  // namespace owind::runner::test
