// How many threads there are, who gets them, and what happens when there are none left.
#include <doctest/doctest.h>
#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;
using namespace std::chrono_literals;

namespace {

RunnerOptions with_threads(std::size_t most) {
  RunnerOptions options;
  options.max_app_threads = most;
  return options;
}

std::string thread_name() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  return name;
}

}  // namespace

TEST_CASE("Threads: at rest a shard has a leader and its successor, and one spare is parked") {
  Rig rig({}, 3);
  rig.runner->start();
  const RunnerStats stats = rig.runner->stats();
  CHECK(stats.threads == 7);
  CHECK(stats.spares == 1);
}

TEST_CASE("Threads: they have the signal mask of start()'s caller, eight MB of stack and a name") {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  Rig rig({}, 2);
  rig.runner->start();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

  const auto check_this_thread = [](const std::string& name) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    CHECK(::sigismember(&mask, SIGUSR2) == 1);
    CHECK(::sigismember(&mask, SIGTERM) == 0);
    pthread_attr_t attributes;
    ::pthread_getattr_np(::pthread_self(), &attributes);
    std::size_t stack = 0;
    ::pthread_attr_getstacksize(&attributes, &stack);
    ::pthread_attr_destroy(&attributes);
    CHECK(stack >= (std::size_t{8} << 20) - (std::size_t{64} << 10));
    CHECK(thread_name() == name);
  };
  rig.on_leader([&] { check_this_thread("owind-lead-0"); }, 0);
  rig.on_leader([&] { check_this_thread("owind-lead-1"); }, 1);
  // Made later, by a thread whose mask an application has changed.
  Gate done;
  TestCall call([&](Entry) {
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    CHECK(Runner::blocking() == Blocking::kHandedOver);
    done.open();
  });
  rig.submit(call, 1);
  done.wait();
  for (int i = 0; i < 3; ++i) {
    BlockingCall next(static_cast<std::uint32_t>(i));
    rig.submit(next.call, 1);
    next.begun.wait();
    rig.look_twice();
    rig.on_leader([&] { check_this_thread("owind-lead-1"); }, 1);
    next.release.open();
    next.ended.wait();
  }
}

TEST_CASE("Threads: start() throws when one cannot be made, and leaves none") {
  for (int good = 0; good < 5; ++good) {
    int left = good;
    RunnerSeams seams;
    seams.create_fault = [&left] { return left-- > 0 ? 0 : EAGAIN; };
    Runner runner({}, seams);
    FakeIo one;
    FakeIo two;
    runner.add_shard(one);
    runner.add_shard(two);
    try {
      runner.start();
      CHECK(false);
    } catch (const std::system_error& error) {
      CHECK(error.code() == std::errc::resource_unavailable_try_again);
    }
    CHECK(runner.stats().threads == 0);
  }
}

TEST_CASE("Threads: five handlers that wait for their bodies with a cap of four all end") {
  Rig rig(with_threads(4));
  rig.runner->start();
  // Each waits for its own body, as `.Result` does; the body arrives later, and its on_ready is a kResume
  // call.
  struct Handler {
    explicit Handler(int number)
        : start([this](Entry) {
            CHECK(Runner::blocking() == Blocking::kHandedOver);
            waiting.open();
            body.wait();
            ended.open();
          }),
          resume(
              [this](Entry entry) {
                how = entry;
                body.open();
              },
              static_cast<std::uint32_t>(number), CallKind::kResume) {
      start.key = static_cast<std::uint32_t>(number);
    }
    Gate waiting;
    Gate body;
    Gate ended;
    std::atomic<Entry> how{Entry::kInline};
    TestCall start;
    TestCall resume;
  };
  std::vector<std::unique_ptr<Handler>> handlers;
  for (int i = 0; i < 5; ++i) handlers.push_back(std::make_unique<Handler>(i));
  rig.on_leader([&] {
    for (auto& handler : handlers) rig.shard().ready(handler->start);
  });
  for (std::size_t i = 0; i < 3; ++i) handlers[i]->waiting.wait();
  // Three threads wait; the fourth leads, has nobody to follow it, and does IO only.
  rig.on_leader([&] { CHECK(rig.shard().ready_count() == 2); });
  CHECK(rig.runner->stats().threads == 4);
  CHECK(!handlers[3]->waiting.is_open());
  for (auto& handler : handlers) {
    handler->waiting.wait();
    rig.submit(handler->resume);
    handler->ended.wait();
  }
  CHECK(handlers[0]->how == Entry::kQueue);
  CHECK(rig.runner->stats().threads_peak == 4);
}

TEST_CASE(
    "Threads: a resume passes starts that wait for a thread, and they run in order when one comes back") {
  Rig rig(with_threads(3));
  rig.runner->start();
  BlockingCall one(1);
  BlockingCall two(2);
  rig.submit(one.call);
  one.begun.wait();
  rig.look_twice();
  rig.submit(two.call);
  two.begun.wait();
  rig.look_twice();
  std::vector<int> order;
  Gate resumed;
  Gate done;
  TestCall third(
      [&](Entry entry) {
        CHECK(entry == Entry::kInline);
        order.push_back(3);
      },
      3);
  TestCall fourth(
      [&](Entry) {
        order.push_back(4);
        done.open();
      },
      4);
  TestCall resume(
      [&](Entry entry) {
        CHECK(entry == Entry::kQueue);
        order.push_back(0);
        resumed.open();
      },
      5, CallKind::kResume);
  rig.on_leader([&] {
    rig.shard().ready(third);
    rig.shard().ready(fourth);
    rig.shard().ready(resume);
  });
  resumed.wait();
  rig.io().wait_asleep();
  rig.on_leader([&] { CHECK(order == std::vector<int>{0}); });
  CHECK(rig.stats().ready == 2);
  // A leader without a successor holds no lease: there is nothing to steal.
  rig.look_twice();
  CHECK(rig.stats().steals == 2);
  one.release.open();
  done.wait();
  CHECK(order == std::vector<int>{0, 3, 4});
  two.release.open();
}

TEST_CASE("Threads: a thread that comes back goes to the waiting shard that holds the fewest") {
  Rig rig(with_threads(6), 2);
  rig.runner->start();
  // Shard 0 takes what is free: its own three of six, then the last one; shard 1 has its leader and
  // successor.
  std::vector<std::unique_ptr<BlockingCall>> calls;
  const auto block = [&](std::size_t shard) {
    calls.push_back(std::make_unique<BlockingCall>(static_cast<std::uint32_t>(calls.size())));
    rig.submit(calls.back()->call, shard);
    calls.back()->begun.wait();
    rig.look_twice();
  };
  block(0);
  block(0);
  block(0);
  block(1);
  // Now neither has a successor, and both ask for one; shard 0 first.
  Gate ran[2];
  TestCall next0([&](Entry) { ran[0].open(); }, 100);
  TestCall next1([&](Entry) { ran[1].open(); }, 101);
  rig.submit(next0, 0);
  rig.io(0).wait_asleep();
  rig.submit(next1, 1);
  rig.io(1).wait_asleep();
  CHECK(rig.runner->stats().threads == 6);
  CHECK(rig.stats(0).ready == 1);
  CHECK(rig.stats(1).ready == 1);
  calls[0]->release.open();
  ran[1].wait();
  CHECK(rig.stats(0).ready == 1);
  calls[1]->release.open();
  ran[0].wait();
  for (auto& call : calls) call->release.open();
}

TEST_CASE("Threads: when none can be made IO goes on, and calls do when one can be made again") {
  Rig rig;
  rig.runner->start();
  rig.create_fault = EAGAIN;
  BlockingCall one(1);
  BlockingCall two(2);
  for (BlockingCall* const call : {&one, &two}) {
    rig.submit(call->call);
    call->begun.wait();
    rig.look_twice();
  }
  Gate ran;
  TestCall waiting([&](Entry) { ran.open(); }, 3);
  rig.submit(waiting);
  rig.io().wait_asleep();
  rig.on_leader([] {});
  CHECK(rig.stats().ready == 1);
  CHECK(rig.runner->look() != Pace::Next::kPark);
  rig.clock.advance(100ms);
  rig.runner->look();
  CHECK(rig.stats().ready == 1);
  rig.create_fault = 0;
  rig.runner->look();  // not before the time to retry has come
  CHECK(rig.stats().ready == 1);
  rig.clock.advance(100ms);
  rig.runner->look();
  ran.wait();
  one.release.open();
  two.release.open();
}

TEST_CASE("Threads: spares leave when they were idle for long, but for one") {
  RunnerOptions options;
  options.spare_linger = 1ms;
  Rig rig(options);
  rig.runner->start();
  std::vector<std::unique_ptr<BlockingCall>> calls;
  for (std::uint32_t i = 0; i < 8; ++i) {
    calls.push_back(std::make_unique<BlockingCall>(i));
    rig.submit(calls.back()->call);
    calls.back()->begun.wait();
    rig.look_twice();
  }
  CHECK(rig.runner->stats().threads >= 10);
  for (auto& call : calls) call->release.open();
  // The last leader has had no call since, so nobody is reserved to follow it.
  eventually([&] { return rig.runner->stats().threads == 2; });
  CHECK(rig.runner->stats().spares == 1);
  CHECK(rig.runner->stats().threads_peak >= 10);
  // And they come again.
  BlockingCall again(100);
  rig.submit(again.call);
  again.begun.wait();
  rig.look_twice();
  rig.on_leader([] {});
  again.release.open();
}

TEST_CASE("Threads: stop() ends those that come back later, in whatever order they do") {
  Rig rig(with_threads(5), 2);
  rig.runner->start();
  BlockingCall one(1);
  BlockingCall two(2);
  rig.submit(one.call, 0);
  one.begun.wait();
  rig.look_twice();
  rig.submit(two.call, 0);
  two.begun.wait();
  rig.look_twice();
  TestCall waiting([](Entry) { CHECK(false); }, 3);  // shard 0 waits for a thread
  rig.submit(waiting, 0);
  rig.io(0).wait_asleep();
  rig.runner->stop();
  CHECK(rig.runner->wait_leaders(Clock::time_point::max()));
  two.release.open();
  one.release.open();
  rig.runner->join();
  CHECK(rig.runner->stats().threads == 0);
}
