// When the monitor looks: stepped look by look with a clock of the test.
#include "server/runner/pace.hpp"

#include <doctest/doctest.h>

using namespace owind::runner;
using namespace std::chrono_literals;
using Next = Pace::Next;

namespace {

struct Stepped {
  RunnerOptions options;
  Clock::time_point now = Clock::time_point(1h);
  Pace pace{options, now};
  int looks = 0;

  Next look(Pace::Sight sight) {
    ++looks;
    const Next next = pace.after(sight, now);
    if (next == Next::kSoon) now += options.look_interval;
    if (next == Next::kStroll) now += options.stroll;
    if (next == Next::kNap) now += options.nap;
    return next;
  }
  Next quiet() { return look({}); }
  Next calls(std::uint64_t count) { return look({.calls = count}); }
  Next in_call(std::uint64_t count) { return look({.in_call = true, .calls = count}); }
  Next held() { return look({.held = true, .calls = 1}); }
  Next stole() { return look({.held = true, .stole = true}); }

  /// Calls that come one by one, at long intervals, until the monitor has stopped to take them seriously.
  void grow_trusting() {
    for (int i = 0; i < 20; ++i) {
      now += 1s;
      while (calls(0) != Next::kPark) {
      }
    }
  }
};

}  // namespace

TEST_CASE("Pace: two looks without a call park the monitor, one does not") {
  Stepped monitor;
  CHECK(monitor.calls(1) == Next::kSoon);
  CHECK(monitor.quiet() == Next::kSoon);
  CHECK(monitor.quiet() == Next::kPark);
  CHECK(monitor.quiet() == Next::kSoon);
  CHECK(monitor.calls(1) == Next::kSoon);
  CHECK(monitor.quiet() == Next::kSoon);
  CHECK(monitor.quiet() == Next::kPark);
}

TEST_CASE("Pace: while a lease is held the next look comes soon, however long it lasts") {
  Stepped monitor;
  monitor.grow_trusting();
  for (int i = 0; i < 100; ++i) CHECK(monitor.held() == Next::kSoon);
}

TEST_CASE("Pace: a lease at first sight brings the next look soon") {
  Stepped monitor;
  monitor.grow_trusting();
  for (int i = 0; i < 100; ++i) CHECK(monitor.in_call(1) == Next::kSoon);
}

TEST_CASE(
    "Pace: a busy shard where nothing has stalled for two seconds is looked at every two milliseconds") {
  Stepped monitor;
  const auto begin = monitor.now;
  while (monitor.now < begin + 2s) CHECK(monitor.in_call(100) == Next::kSoon);
  for (int i = 0; i < 100; ++i) CHECK(monitor.in_call(100) == Next::kStroll);
  CHECK(monitor.calls(32) == Next::kStroll);
  CHECK(monitor.in_call(31) == Next::kSoon);   // not busy: fewer than 32 in two milliseconds
  CHECK(monitor.in_call(8) == Next::kStroll);  // busy: 8 in half of one
  CHECK(monitor.held() == Next::kSoon);
  CHECK(monitor.in_call(100) == Next::kStroll);
  CHECK(monitor.stole() == Next::kSoon);
  CHECK(monitor.in_call(100) == Next::kSoon);
}

TEST_CASE("Pace: in the first ten seconds and after a steal every lease wakes the monitor") {
  Stepped monitor;
  for (int i = 0; i < 9; ++i) {
    CHECK(monitor.calls(1) == Next::kSoon);
    CHECK(monitor.quiet() == Next::kSoon);
    CHECK(monitor.quiet() == Next::kPark);
  }
  monitor.grow_trusting();
  CHECK(monitor.calls(1) == Next::kNap);
  CHECK(monitor.stole() == Next::kSoon);
  for (int i = 0; i < 100; ++i) {
    CHECK(monitor.calls(1) == Next::kSoon);
    CHECK(monitor.quiet() == Next::kSoon);
    CHECK(monitor.quiet() == Next::kPark);
  }
  monitor.now += 10s;
  CHECK(monitor.calls(1) == Next::kNap);
}

TEST_CASE("Pace: a steady trickle of short calls costs at most one look in ten milliseconds") {
  Stepped monitor;
  monitor.grow_trusting();
  CHECK(monitor.calls(1) == Next::kNap);
  monitor.looks = 0;
  int naps = 0;
  const auto begin = monitor.now;
  while (monitor.now < begin + 10s) naps += monitor.calls(10) == Next::kNap ? 1 : 0;  // 1,000 calls/s
  CHECK(naps == 1000);
  CHECK(monitor.looks == 1000);
  CHECK(monitor.quiet() == Next::kPark);
}

TEST_CASE("Pace: many calls are watched at every interval, also by a monitor that naps") {
  Stepped monitor;
  monitor.grow_trusting();
  CHECK(monitor.calls(1) == Next::kNap);
  CHECK(monitor.calls(30) == Next::kSoon);
  for (int i = 0; i < 100; ++i) CHECK(monitor.calls(7) == Next::kSoon);
}
