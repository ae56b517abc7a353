// The wake protocol, at the moment when the leader falls asleep: pushes that come just before, just after and
// in between. The loop here sleeps by spinning, so that a round takes less than a microsecond and many
// thousand hit the moment. A push that is missed hangs the test.
#include <doctest/doctest.h>

#include <chrono>
#include <random>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;

namespace {

/// Mostly without giving the processor away: both threads have to be awake when it matters.
template <typename Condition>
void spin_until(Condition&& condition) {
  for (int spins = 1; !condition(); ++spins) {
    if (spins % 4096 == 0) std::this_thread::yield();
  }
}

/// A pause of any length that matters here: up to a microsecond.
void pause(std::minstd_rand& random) {
  for (auto steps = random() % 1024; steps > 0; --steps) {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the compiler from leaving the loop out
  }
}

class SpinningIo final : public IoLoop {
 public:
  void run_one() noexcept override {
    spin_until([this] { return woken_.load(); });
    woken_.store(false);
  }
  bool poll_one() noexcept override { return false; }
  void wake() noexcept override { woken_.store(true); }
  void on_effect(Effect& effect) noexcept override { static_cast<TestEffect&>(effect).on_look(); }
  /// Between the last look at the list and the announcement: makes the leader arrive there at any time.
  void flush(bool) noexcept override {
    flushes.fetch_add(1);
    pause(random_);
  }

  std::atomic<std::uint64_t> flushes{0};

 private:
  std::minstd_rand random_{2};
  std::atomic<bool> woken_{false};
};

/// Calls `round`, which returns when its effect was seen, again and again: `rounds` times, or as often as
/// there is time for where the threads share a processor with others (each round may take a time slice of
/// theirs).
template <typename Round>
void repeat(int rounds, Round&& round) {
  std::minstd_rand random(1);
  const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (int i = 0; i < rounds && std::chrono::steady_clock::now() < enough; ++i) {
    pause(random);
    round();
  }
}

#if defined(__SANITIZE_THREAD__)
constexpr int kRounds = 3'000;  // it sees the order itself, and takes its time
#else
constexpr int kRounds = 100'000;
#endif

}  // namespace

TEST_CASE("Wake: no push is missed, however close it comes to the leader's sleep") {
  SpinningIo io;
  Runner runner;
  Shard& shard = runner.add_shard(io);
  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> seen{0};
  TestEffect effect([&] { seen.store(made.load(std::memory_order_relaxed)); });
  runner.start();
  repeat(kRounds, [&] {
    const std::uint64_t mine = made.load(std::memory_order_relaxed) + 1;
    made.store(mine, std::memory_order_relaxed);
    shard.dirty(effect);
    spin_until([&] { return seen.load() == mine; });
  });
  CHECK(made.load() > 0);
  CHECK(seen.load() == made.load());
}

TEST_CASE("Wake: no change is missed whose push finds the effect queued, however close the look at it is") {
  SpinningIo io;
  Runner runner;
  Shard& shard = runner.add_shard(io);
  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> seen{0};
  TestEffect effect([&] { seen.store(made.load(std::memory_order_relaxed)); });
  runner.start();
  std::minstd_rand random(3);
  repeat(kRounds, [&] {
    const std::uint64_t first = made.load(std::memory_order_relaxed) + 1;
    made.store(first, std::memory_order_relaxed);
    shard.dirty(effect);
    pause(random);
    made.store(first + 1, std::memory_order_relaxed);
    shard.dirty(effect);
    spin_until([&] { return seen.load() == first + 1; });
  });
  CHECK(made.load() > 0);
  CHECK(seen.load() == made.load());
}

TEST_CASE("Wake: attend() is never missed") {
  SpinningIo io;
  Runner runner;
  Shard& shard = runner.add_shard(io);
  runner.start();
  repeat(kRounds, [&] {
    const std::uint64_t before = io.flushes.load();
    shard.attend();
    spin_until([&] { return io.flushes.load() != before; });
  });
}
