// What the kernel says a thread is doing (proc(5)).
#include "server/runner/thread_stat.hpp"

#include <doctest/doctest.h>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;

TEST_CASE("ThreadStat: the state is the letter after the name, whatever the name holds") {
  CHECK(activity_of("1234 (owind-lead-0) S 1 1234") == ThreadActivity::kSleeping);
  CHECK(activity_of("1234 (owind-lead-0) D 1 1234") == ThreadActivity::kSleeping);
  CHECK(activity_of("1234 (owind-lead-0) R 1 1234") == ThreadActivity::kRunning);
  CHECK(activity_of("1234 (a) R (b) S) R 1 1234") == ThreadActivity::kRunning);
  CHECK(activity_of("1234 (x) Z 1") == ThreadActivity::kUnknown);
  CHECK(activity_of("1234 (x) T 1") == ThreadActivity::kUnknown);
}

TEST_CASE("ThreadStat: a text that is cut is nothing known") {
  CHECK(activity_of("") == ThreadActivity::kUnknown);
  CHECK(activity_of("1234 (owind") == ThreadActivity::kUnknown);
  CHECK(activity_of("1234 (owind)") == ThreadActivity::kUnknown);
  CHECK(activity_of("1234 (owind) ") == ThreadActivity::kUnknown);
}

TEST_CASE("ThreadStat: the own thread runs, a thread that waits sleeps, and one that is gone is unknown") {
  ThreadStat stat;
  CHECK(stat.activity() == ThreadActivity::kUnknown);
  stat.open_for_this_thread();
  CHECK(stat.activity() == ThreadActivity::kRunning);

  Gate opened;
  Gate release;
  std::thread sleeper([&] {
    stat.open_for_this_thread();
    opened.open();
    release.wait();
  });
  opened.wait();
  eventually([&] { return stat.activity() == ThreadActivity::kSleeping; });
  release.open();
  sleeper.join();
  eventually([&] { return stat.activity() == ThreadActivity::kUnknown; });
  stat.close();
  CHECK(stat.activity() == ThreadActivity::kUnknown);
}
