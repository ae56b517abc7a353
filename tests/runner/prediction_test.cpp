// Calls whose key is known to stall: handed over before they begin, so that others need not wait for a look.
#include <doctest/doctest.h>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kSlow = 1;
constexpr std::uint32_t kFast = 2;

/// Makes the runner know kSlow.
void teach(Rig& rig) {
  BlockingCall slow(kSlow);
  rig.submit(slow.call);
  slow.begun.wait();
  rig.look_twice();
  slow.release.open();
  slow.ended.wait();
  eventually([&] { return rig.stats().held == 0; });
  rig.on_leader([] {});
}

}  // namespace

TEST_CASE("Prediction: a key that was stolen from is handed over before the next call, without a look") {
  Rig rig;
  rig.runner->start();
  teach(rig);
  BlockingCall slow(kSlow);
  Gate ran;
  TestCall fast([&](Entry) { ran.open(); }, kFast);
  rig.on_leader([&] {
    rig.shard().ready(slow.call);
    rig.shard().ready(fast);
  });
  slow.begun.wait();
  ran.wait();
  CHECK(rig.stats().hand_overs == 1);
  CHECK(rig.stats().steals == 1);
  slow.release.open();
}

TEST_CASE(
    "Prediction: the thread of a call that was handed over leads nothing, and is no leader for blocking()") {
  Rig rig;
  rig.runner->start();
  teach(rig);
  Gate done;
  TestCall slow(
      [&](Entry) {
        CHECK(!rig.shard().on_leader());
        CHECK(Runner::blocking() == Blocking::kNotALeader);
        done.open();
      },
      kSlow);
  rig.submit(slow);
  done.wait();
  CHECK(rig.stats().hand_overs == 1);
}

TEST_CASE("Prediction: calls that return within 300 microseconds are run inline again") {
  Rig rig;
  rig.runner->start();
  teach(rig);
  const auto call_once = [&](Clock::duration takes) {
    Gate done;
    TestCall call(
        [&](Entry) {
          rig.clock.advance(takes);
          done.open();
        },
        kSlow);
    rig.submit(call);
    done.wait();
    eventually([&] { return rig.stats().held == 0; });
    rig.on_leader([] {});
  };
  call_once(300us);  // not quick
  call_once(299us);
  CHECK(rig.stats().hand_overs == 2);
  call_once(299us);
  CHECK(rig.stats().hand_overs == 2);
  CHECK(rig.stats().calls == 2);
}

TEST_CASE("Prediction: what was learnt fades by one step a second") {
  Rig rig;
  rig.runner->start();
  teach(rig);
  rig.clock.advance(1s);
  Gate done;
  TestCall call([&](Entry) { done.open(); }, kSlow);
  rig.submit(call);
  done.wait();
  rig.on_leader([] {});
  CHECK(rig.stats().hand_overs == 0);
}

TEST_CASE(
    "Prediction: slow calls that find no thread wait, fast ones pass, and the slow ones follow in order") {
  RunnerOptions options;
  options.max_app_threads = 3;
  Rig rig(options);
  rig.runner->start();
  teach(rig);
  BlockingCall first(kSlow);
  rig.submit(first.call);
  first.begun.wait();
  CHECK(rig.stats().hand_overs == 1);
  // One thread is held, one leads, one follows it: the last reserve is not for calls that are expected to
  // stall.
  BlockingCall second(kSlow);
  BlockingCall third(kSlow);
  Gate ran;
  TestCall fast(
      [&](Entry entry) {
        CHECK(entry == Entry::kInline);
        ran.open();
      },
      kFast);
  Gate resumed;
  TestCall resume(
      [&](Entry entry) {
        CHECK(entry == Entry::kQueue);
        resumed.open();
      },
      kSlow, CallKind::kResume);
  rig.on_leader([&] {
    rig.shard().ready(second.call);
    rig.shard().ready(third.call);
    rig.shard().ready(resume);
    rig.shard().ready(fast);
  });
  ran.wait();
  resumed.wait();
  rig.io().wait_asleep();
  CHECK(!second.begun.is_open());
  CHECK(rig.stats().ready == 2);
  // However long it takes: they are not tried on the last reserve.
  for (int i = 0; i < 10; ++i) {
    rig.clock.advance(1s);
    Gate again;
    TestCall passes([&](Entry) { again.open(); }, kFast);
    rig.submit(passes);
    again.wait();
  }
  CHECK(!second.begun.is_open());
  first.release.open();
  second.begun.wait();
  rig.runner
      ->look();  // had the third been considered before the second entered, this makes it be considered again
  rig.io().wait_asleep();
  CHECK(!third.begun.is_open());
  second.release.open();
  third.begun.wait();
  third.release.open();
  third.ended.wait();
  CHECK(rig.runner->stats().threads_peak == 3);
}

TEST_CASE("Prediction: a waiting slow call can be taken off the list, and its thread goes to others") {
  RunnerOptions options;
  options.max_app_threads = 3;
  Rig rig(options);
  rig.runner->start();
  teach(rig);
  BlockingCall first(kSlow);
  rig.submit(first.call);
  first.begun.wait();
  BlockingCall second(kSlow);
  rig.submit(second.call);
  rig.io().wait_asleep();
  rig.on_leader([&] {
    CHECK(rig.shard().ready_count() == 1);
    CHECK(rig.shard().remove(second.call));
  });
  first.release.open();
  eventually([&] { return rig.runner->stats().spares == 1; });
  CHECK(!second.begun.is_open());
}
