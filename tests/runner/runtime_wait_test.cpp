// Calls that have not entered the application: they wait for the runtime, which collects, and so would all
// others.
#include <doctest/doctest.h>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;
using namespace std::chrono_literals;

namespace {

/// A call that waits for the end of a collection before its first instruction.
struct Collected {
  explicit Collected(Gate& collection, std::uint32_t key) : call([this](Entry) { ended.open(); }, key) {
    call.collection = &collection;
  }
  Gate ended;
  TestCall call;
};

/// Returns once the leader is inside `count` calls begun since the start.
void wait_calls(Rig& rig, std::uint64_t count) {
  eventually([&] { return rig.stats().calls >= count; });
  // The count is made before the lease; the lease is what a look sees.
  eventually([&] { return Lease::begun(rig.shard().lease()) >= count; });
}

}  // namespace

TEST_CASE(
    "Runtime wait: while a stolen call waits for the runtime, its shard does IO only, and the end of it "
    "wakes the leader") {
  Rig rig;
  rig.runner->start();
  Gate collection;
  Collected waits(collection, 1);
  rig.submit(waits.call);
  wait_calls(rig, 1);
  rig.look_twice();
  CHECK(rig.stats().steals == 1);
  Gate ran;
  TestCall start([&](Entry) { ran.open(); }, 2);
  bool resumed = false;
  TestCall resume(
      [&](Entry entry) {
        CHECK(entry == Entry::kInline);
        resumed = true;
      },
      3, CallKind::kResume);
  rig.on_leader([&] {
    rig.shard().ready(resume);
    rig.shard().ready(start);
  });
  for (int i = 0; i < 5; ++i) {
    rig.on_leader([] {});
    CHECK(rig.runner->look() == Pace::Next::kSoon);
    rig.clock.advance(10ms);
  }
  rig.io().wait_asleep();
  CHECK(!ran.is_open());
  CHECK(rig.stats().steals == 1);
  CHECK(rig.stats().queued == 0);  // queueing enters the runtime as well

  collection.open();
  waits.ended.wait();
  rig.runner->look();
  ran.wait();
  CHECK(resumed);
}

TEST_CASE(
    "Runtime wait: a collection costs a shard two threads, however many calls come and however long it "
    "takes") {
  Rig rig;
  rig.runner->start();
  const std::size_t before = rig.runner->stats().threads;
  Gate collection;
  // One is inside the application when the collection begins, the others have yet to enter.
  BlockingCall inside(100);
  rig.submit(inside.call);
  inside.begun.wait();
  rig.look_twice();
  std::vector<std::unique_ptr<Collected>> calls;
  for (std::uint32_t i = 0; i < 50; ++i) {
    calls.push_back(std::make_unique<Collected>(collection, i));
    rig.submit(calls.back()->call);
  }
  wait_calls(rig, 2);
  for (int i = 0; i < 100; ++i) {
    rig.look_twice();
    rig.on_leader([] {});
  }
  CHECK(rig.stats().steals == 2);
  CHECK(rig.runner->stats().threads - before <= 2);
  collection.open();
  inside.release.open();
  eventually([&] {
    rig.runner->look();
    return calls.back()->ended.is_open();
  });
  for (auto& call : calls) call->ended.wait();
}

TEST_CASE("Runtime wait: a steal from a call that has not entered teaches the predictor nothing") {
  Rig rig;
  rig.runner->start();
  Gate collection;
  Collected waits(collection, 1);
  rig.submit(waits.call);
  wait_calls(rig, 1);
  rig.look_twice();
  collection.open();
  waits.ended.wait();
  rig.runner->look();
  Gate done;
  TestCall same([&](Entry) { done.open(); }, 1);
  rig.submit(same);
  done.wait();
  rig.on_leader([] {});
  CHECK(rig.stats().hand_overs == 0);
}

TEST_CASE(
    "Runtime wait: steals just before a collection shows itself, and during it on other shards, are "
    "pardoned") {
  Rig rig({}, 2);
  rig.runner->start();
  Gate collection;
  // Inside the application when the collection begins: it stands still for it, but does not look so.
  BlockingCall inside(1);
  rig.submit(inside.call);
  inside.begun.wait();
  rig.look_twice();
  Collected waits(collection, 2);
  rig.submit(waits.call);
  wait_calls(rig, 2);
  rig.look_twice();
  CHECK(rig.stats().steals == 2);
  BlockingCall elsewhere(3);
  rig.submit(elsewhere.call, 1);
  elsewhere.begun.wait();
  rig.look_twice();
  CHECK(rig.stats(1).steals == 1);

  collection.open();
  inside.release.open();
  elsewhere.release.open();
  waits.ended.wait();
  eventually([&] { return rig.stats(0).held + rig.stats(1).held == 0; });
  rig.runner->look();
  for (std::uint32_t key : {1u, 2u, 3u}) {
    const std::size_t shard = key == 3 ? 1 : 0;
    Gate done;
    TestCall call([&](Entry) { done.open(); }, key);
    rig.submit(call, shard);
    done.wait();
    rig.on_leader([] {}, shard);
    CHECK(rig.stats(shard).hand_overs == 0);
  }
}

TEST_CASE("Runtime wait: a steal long before a collection stays learnt") {
  Rig rig;
  rig.runner->start();
  BlockingCall slow(1);
  rig.submit(slow.call);
  slow.begun.wait();
  rig.look_twice();
  rig.clock.advance(10ms);
  Gate collection;
  Collected waits(collection, 2);
  rig.submit(waits.call);
  wait_calls(rig, 2);
  rig.look_twice();
  collection.open();
  waits.ended.wait();
  rig.runner->look();
  BlockingCall again(1);
  rig.submit(again.call);
  again.begun.wait();
  CHECK(rig.stats().hand_overs == 1);
  slow.release.open();
  again.release.open();
}

TEST_CASE("Runtime wait: a call that returns without ever having entered ends it") {
  Rig rig;
  rig.runner->start();
  BlockingCall native(1);
  native.call.waits_for_runtime = true;
  rig.submit(native.call);
  native.begun.wait();
  rig.look_twice();
  Gate ran;
  TestCall next([&](Entry) { ran.open(); }, 2);
  rig.submit(next);
  rig.on_leader([] {});
  CHECK(!ran.is_open());
  native.release.open();
  eventually([&] { return rig.stats().held == 0; });
  rig.runner->look();
  ran.wait();
}

TEST_CASE("Runtime wait: of calls that are handed over only one waits for a collection, and fast ones pass") {
  Rig rig;
  rig.runner->start();
  {
    BlockingCall slow(1);
    rig.submit(slow.call);
    slow.begun.wait();
    rig.look_twice();
    slow.release.open();
    slow.ended.wait();
    eventually([&] { return rig.stats().held == 0; });
  }
  Gate collection;
  std::vector<std::unique_ptr<Collected>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(std::make_unique<Collected>(collection, 1));
  Gate ran;
  TestCall fast([&](Entry) { ran.open(); }, 2);
  rig.on_leader([&] {
    for (auto& call : calls) rig.shard().ready(call->call);
    rig.shard().ready(fast);
  });
  ran.wait();
  for (int i = 0; i < 10; ++i) {
    rig.look_twice();
    rig.on_leader([] {});
  }
  CHECK(rig.stats().hand_overs == 1);
  CHECK(rig.stats().ready == 9);
  collection.open();
  eventually([&] {
    rig.runner->look();
    return calls.back()->ended.is_open();
  });
  for (auto& call : calls) call->ended.wait();
}
