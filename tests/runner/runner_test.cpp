// The runner as a whole, over a fake IO loop: the loop and its order, stealing, successors, and what calls
// and other threads may ask. The monitor is stepped by hand (Runner::look) unless a test says otherwise.
#include "server/runner/runner.hpp"

#include <doctest/doctest.h>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;
using namespace std::chrono_literals;

TEST_CASE("Runner: calls run in the order of arrival, on the thread that runs the handlers") {
  Rig rig;
  rig.runner->start();
  std::vector<int> order;
  std::thread::id handler_thread;
  std::vector<std::thread::id> call_threads;
  std::vector<std::unique_ptr<TestCall>> calls;
  Gate done;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(std::make_unique<TestCall>(
        [&, i](Entry entry) {
          CHECK(entry == Entry::kInline);
          order.push_back(i);
          call_threads.push_back(std::this_thread::get_id());
          if (i == 99) done.open();
        },
        0, i % 3 == 0 ? CallKind::kResume : CallKind::kStart));
  }
  rig.on_leader([&] {
    handler_thread = std::this_thread::get_id();
    for (auto& call : calls) rig.shard().ready(*call);
    CHECK(rig.shard().ready_count() == 100);
  });
  done.wait();
  for (int i = 0; i < 100; ++i) {
    CHECK(order[static_cast<std::size_t>(i)] == i);
    CHECK(call_threads[static_cast<std::size_t>(i)] == handler_thread);
  }
}

TEST_CASE("Runner: IO has its turn after sixteen calls, and calls after each handler") {
  Rig rig;
  rig.runner->start();
  std::vector<int> log;  // -1: a handler
  Gate done;
  std::vector<std::unique_ptr<TestCall>> calls;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(std::make_unique<TestCall>([&, i](Entry) {
      log.push_back(i);
      if (i == 39) done.open();
    }));
  }
  rig.on_leader([&] {
    for (auto& call : calls) rig.shard().ready(*call);
    for (int i = 0; i < 2; ++i) rig.io().post([&] { log.push_back(-1); });
  });
  done.wait();
  REQUIRE(log.size() == 42);
  CHECK(log[15] == 15);
  CHECK(log[16] == -1);
  CHECK(log[17] == 16);
  CHECK(log[32] == 31);
  CHECK(log[33] == -1);
}

TEST_CASE("Runner: what a call changed is looked at and flushed before the next call is entered") {
  Rig rig;
  std::vector<std::string> log;
  rig.io().on_flush = [&] { log.push_back("flush"); };
  rig.runner->start();
  TestEffect effect([&] { log.push_back("effect"); });
  Gate done;
  TestCall first([&](Entry) {
    log.clear();
    log.push_back("first");
    rig.shard().dirty(effect);
  });
  TestCall second([&](Entry) {
    log.push_back("second");
    CHECK(log == std::vector<std::string>{"first", "effect", "flush", "second"});
    done.open();
  });
  rig.on_leader([&] {
    rig.shard().ready(first);
    rig.shard().ready(second);
  });
  done.wait();
  rig.finish();
}

TEST_CASE("Runner: a flush is told that calls follow, and at last that none do") {
  for (const Dispatch dispatch : {Dispatch::kSteal, Dispatch::kInline}) {
    RunnerOptions options;
    options.dispatch = dispatch;
    Rig rig(options);
    std::vector<std::string> log;
    rig.io().on_flush_told = [&](bool calls_follow) { log.push_back(calls_follow ? "may wait" : "now"); };
    rig.runner->start();
    Gate done;
    TestCall first([&](Entry) {
      log.clear();
      log.push_back("first");
    });
    TestCall second([&](Entry) { log.push_back("second"); });
    rig.on_leader([&] {
      rig.shard().ready(first);
      rig.shard().ready(second);
      rig.io().post([&] {
        log.push_back("handler");
        done.open();
      });
    });
    done.wait();
    rig.finish();
    REQUIRE(log.size() >= 6);
    log.resize(6);
    // Inline, nobody would send the first answer while the second call blocks.
    const std::string between = dispatch == Dispatch::kSteal ? "may wait" : "now";
    CHECK(log == std::vector<std::string>{"first", between, "second", "now", "now", "handler"});
  }
}

TEST_CASE(
    "Runner: a call that sleeps at two looks loses the shard, and IO and calls go on with another thread") {
  Rig rig;
  rig.runner->start();
  BlockingCall blocked;
  rig.submit(blocked.call);
  blocked.begun.wait();
  rig.runner->look();
  CHECK(rig.stats().steals == 0);
  rig.runner->look();
  CHECK(rig.stats().steals == 1);

  std::thread::id leader;
  rig.on_leader([&] { leader = std::this_thread::get_id(); });
  CHECK(leader != blocked.thread);
  Gate ran;
  TestCall other([&](Entry) { ran.open(); }, 1);
  rig.submit(other);
  ran.wait();
  CHECK(rig.stats().held == 1);

  blocked.release.open();
  blocked.ended.wait();
  eventually([&] { return rig.stats().held == 0; });
  // The thread that came back leads nothing.
  rig.on_leader([&] { CHECK(std::this_thread::get_id() == leader); });
}

TEST_CASE("Runner: two looks at two different calls steal nothing") {
  Rig rig;
  rig.runner->start();
  for (int i = 0; i < 3; ++i) {
    BlockingCall call;
    rig.submit(call.call);
    call.begun.wait();
    rig.runner->look();
    call.release.open();
    call.ended.wait();
    rig.on_leader([] {});
  }
  rig.runner->look();
  CHECK(rig.stats().steals == 0);
  CHECK(rig.stats().calls == 3);
}

TEST_CASE("Runner: a call that computes keeps its shard for ten milliseconds") {
  Rig rig;
  rig.activity = ThreadActivity::kRunning;
  rig.runner->start();
  BlockingCall computing;
  rig.submit(computing.call);
  computing.begun.wait();
  rig.runner->look();
  rig.clock.advance(9999us);
  rig.runner->look();
  CHECK(rig.stats().steals == 0);
  rig.clock.advance(1us);
  rig.runner->look();
  CHECK(rig.stats().steals == 1);
  computing.release.open();
}

TEST_CASE("Runner: a lone blocking request with no other traffic is stolen from") {
  Rig rig({}, 1, RunnerSeams::Monitor::kThread);
  rig.runner->start();
  // Each time the monitor may be parked, about to park or awake.
  for (int i = 0; i < 60; ++i) {
    rig.io().wait_asleep();
    BlockingCall blocked(static_cast<std::uint32_t>(i));
    rig.submit(blocked.call);
    blocked.begun.wait();
    rig.on_leader([&] { CHECK(std::this_thread::get_id() != blocked.thread); });
    blocked.release.open();
    blocked.ended.wait();
  }
  eventually([&] { return rig.stats().held == 0; });
  CHECK(rig.stats().steals + rig.stats().hand_overs == 60);
}

TEST_CASE("Runner: effects pushed by a call before and after it lost the shard are seen by the new leader") {
  Rig rig;
  rig.runner->start();
  std::thread::id looked_before;
  std::thread::id looked_after;
  Gate seen_before;
  Gate seen_after;
  TestEffect before([&] {
    looked_before = std::this_thread::get_id();
    seen_before.open();
  });
  TestEffect after([&] {
    looked_after = std::this_thread::get_id();
    seen_after.open();
  });
  Gate begun;
  Gate stolen;
  std::thread::id caller;
  TestCall call([&](Entry) {
    caller = std::this_thread::get_id();
    CHECK(rig.shard().on_leader());
    rig.shard().dirty(before);
    begun.open();
    stolen.wait();
    CHECK(!rig.shard().on_leader());
    rig.shard().dirty(after);
    seen_after.wait();  // while this call has not returned
  });
  rig.submit(call);
  begun.wait();
  CHECK(!seen_before.is_open());
  rig.look_twice();
  seen_before.wait();
  rig.io().wait_asleep();
  stolen.open();
  seen_after.wait();
  rig.finish();
  CHECK(looked_before != caller);
  CHECK(looked_after != caller);
}

TEST_CASE("Runner: a push wakes a leader that sleeps, once, and none that is awake") {
  Rig rig;
  rig.runner->start();
  Gate seen;
  int looks = 0;
  TestEffect effect([&] {
    if (++looks == 2) seen.open();
  });
  TestEffect other;
  rig.io().wait_asleep();
  rig.on_leader([&] {
    rig.shard().dirty(effect);
    rig.shard().dirty(other);
  });
  TestCall call([&](Entry) {
    CHECK(rig.io().wakes == 0);
    std::thread([&] { rig.shard().dirty(effect); }).join();
    CHECK(rig.io().wakes == 0);  // the leader, inside this call, drains when it comes back
  });
  rig.submit(call);
  seen.wait();
  rig.io().wait_asleep();
  CHECK(rig.io().wakes == 0);

  Gate seen_asleep;
  TestEffect asleep([&] { seen_asleep.open(); });
  rig.shard().dirty(asleep);
  seen_asleep.wait();
  CHECK(rig.io().wakes == 1);
}

TEST_CASE("Runner: an effect of one shard pushed by the leader of another wakes the right one") {
  Rig rig({}, 2);
  rig.runner->start();
  rig.io(1).wait_asleep();
  Gate seen;
  std::thread::id looked;
  TestEffect effect([&] {
    looked = std::this_thread::get_id();
    CHECK(rig.shard(1).on_leader());
    CHECK(!rig.shard(0).on_leader());
    seen.open();
  });
  Gate handled;
  rig.io(0).post([&] {
    rig.shard(1).dirty(effect);
    handled.open();
  });
  handled.wait();
  seen.wait();
  CHECK(rig.io(0).wakes == 0);
  CHECK(rig.io(1).wakes == 1);

  // And out of a call.
  Gate seen_again;
  TestEffect again([&] { seen_again.open(); });
  rig.io(1).wait_asleep();
  TestCall call([&](Entry) {
    rig.shard(1).dirty(again);
    seen_again.wait();
  });
  rig.submit(call, 0);
  seen_again.wait();
  rig.finish();
}

TEST_CASE("Runner: an effect that pushes itself again does not keep the leader from its IO") {
  Rig rig;
  rig.runner->start();
  std::atomic<bool> go_on{true};
  TestEffect* self = nullptr;
  TestEffect effect([&] {
    if (go_on) rig.shard().dirty(*self);
  });
  self = &effect;
  rig.on_leader([&] { rig.shard().dirty(effect); });
  for (int i = 0; i < 10; ++i) rig.on_leader([] {});
  go_on = false;
  rig.io().wait_asleep();
}

TEST_CASE("Runner: a call taken off the ready list is never run") {
  Rig rig;
  rig.runner->start();
  bool ran = false;
  Gate done;
  TestCall one([&](Entry) { ran = true; });
  TestCall resume([&](Entry) { ran = true; }, 0, CallKind::kResume);
  TestCall last([&](Entry) { done.open(); });
  rig.on_leader([&] {
    rig.shard().ready(one);
    rig.shard().ready(resume);
    rig.shard().ready(last);
    CHECK(rig.shard().remove(one));
    CHECK(!rig.shard().remove(one));
    CHECK(rig.shard().remove(resume));
    CHECK(rig.shard().ready_count() == 1);
  });
  done.wait();
  CHECK(!ran);
}

TEST_CASE(
    "Runner: stop() lets a blocked leader be stolen from, runs no further call, and join() waits for the "
    "blocked one") {
  Rig rig;
  rig.runner->start();
  BlockingCall blocked;
  bool ran = false;
  TestCall never([&](Entry) { ran = true; });
  rig.on_leader([&] {
    rig.shard().ready(blocked.call);
    rig.shard().ready(never);
  });
  blocked.begun.wait();
  rig.runner->stop();
  CHECK(!rig.runner->wait_leaders(Clock::now()));
  rig.look_twice();
  CHECK(rig.runner->wait_leaders(Clock::time_point::max()));
  CHECK(rig.runner->stats().threads >= 1);
  CHECK(!blocked.ended.is_open());
  blocked.release.open();
  rig.runner->join();
  CHECK(rig.runner->stats().threads == 0);
  CHECK(!ran);
}

TEST_CASE("Runner: stop() from a handler, from a call and before anything happened ends all threads") {
  {
    Rig rig({}, 3);
    rig.runner->start();
    rig.runner->stop();
    rig.runner->stop();
    rig.runner->join();
    CHECK(rig.runner->stats().threads == 0);
  }
  {
    Rig rig({}, 2, RunnerSeams::Monitor::kThread);
    rig.runner->start();
    rig.io().post([&] { rig.runner->stop(); });
    rig.runner->join();
  }
  {
    Rig rig;
    rig.runner->start();
    TestCall call([&](Entry) { rig.runner->stop(); });
    rig.submit(call);
    rig.runner->join();
  }
}

TEST_CASE("Runner: --dispatch inline runs calls on the leader and steals nothing") {
  RunnerOptions options;
  options.dispatch = Dispatch::kInline;
  Rig rig(options);
  rig.runner->start();
  CHECK(rig.runner->stats().threads == 1);
  BlockingCall blocked;
  rig.submit(blocked.call);
  blocked.begun.wait();
  for (int i = 0; i < 4; ++i) {
    rig.clock.advance(10ms);
    rig.runner->look();
  }
  CHECK(rig.stats().steals == 0);
  blocked.release.open();
  rig.on_leader([&] { CHECK(std::this_thread::get_id() == blocked.thread); });
}

TEST_CASE("Runner: --dispatch pool queues every call and needs one thread a shard") {
  RunnerOptions options;
  options.dispatch = Dispatch::kPool;
  Rig rig(options);
  rig.runner->start();
  std::vector<int> order;
  Gate done;
  TestCall start([&](Entry entry) {
    CHECK(entry == Entry::kQueue);
    order.push_back(1);
  });
  TestCall resume(
      [&](Entry entry) {
        CHECK(entry == Entry::kQueue);
        CHECK(Runner::blocking() == Blocking::kRefused);
        order.push_back(2);
        done.open();
      },
      0, CallKind::kResume);
  rig.on_leader([&] {
    rig.shard().ready(start);
    rig.shard().ready(resume);
  });
  done.wait();
  CHECK(order == std::vector<int>{1, 2});
  CHECK(rig.stats().queued == 2);
  CHECK(rig.runner->stats().threads == 1);
}

TEST_CASE("Runner: blocking() hands leadership over at once, and once") {
  Rig rig;
  rig.runner->start();
  CHECK(Runner::blocking() == Blocking::kNotALeader);
  Gate went_on;
  Gate release;
  TestCall call([&](Entry) {
    CHECK(Runner::blocking() == Blocking::kHandedOver);
    CHECK(Runner::blocking() == Blocking::kNotALeader);
    CHECK(!rig.shard().on_leader());
    went_on.open();
    release.wait();
  });
  rig.submit(call);
  went_on.wait();
  rig.on_leader([&] { CHECK(Runner::blocking() == Blocking::kRefused); });
  CHECK(rig.stats().blocking == 1);
  CHECK(rig.stats().steals == 0);
  release.open();
  rig.finish();
}

TEST_CASE("Runner: blocking() in a call that was stolen is nothing to do") {
  Rig rig;
  rig.runner->start();
  BlockingCall blocked;
  blocked.last = [] { CHECK(Runner::blocking() == Blocking::kNotALeader); };
  rig.submit(blocked.call);
  blocked.begun.wait();
  rig.look_twice();
  blocked.release.open();
  blocked.ended.wait();
  CHECK(rig.stats().blocking == 0);
}

TEST_CASE("Runner: blocking() under --dispatch inline is refused") {
  RunnerOptions options;
  options.dispatch = Dispatch::kInline;
  Rig rig(options);
  rig.runner->start();
  Gate done;
  TestCall call([&](Entry) {
    CHECK(Runner::blocking() == Blocking::kRefused);
    done.open();
  });
  rig.submit(call);
  done.wait();
}
