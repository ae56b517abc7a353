// What stalled is expected to stall again, for a while.
#include "server/runner/predictor.hpp"

#include <doctest/doctest.h>

using namespace owind::runner;
using namespace std::chrono_literals;

namespace {

const Clock::time_point kStart = Clock::time_point(1h);

}  // namespace

TEST_CASE("Predictor: one theft is enough to expect a stall, of that key alone") {
  Predictor predictor(1s, kStart);
  CHECK(!predictor.expects_stall(42));
  predictor.stalled(42);
  CHECK(predictor.expects_stall(42));
  int expected = 0;
  for (std::uint32_t key = 0; key < 256; ++key) expected += predictor.expects_stall(key) ? 1 : 0;
  CHECK(expected <= 2);  // a key shares its counter with one in 256
}

TEST_CASE("Predictor: three is the most, so two quick calls are enough to forget") {
  Predictor predictor(1s, kStart);
  for (int i = 0; i < 10; ++i) predictor.stalled(0);
  predictor.was_quick(0);
  CHECK(predictor.expects_stall(0));
  predictor.was_quick(0);
  CHECK(!predictor.expects_stall(0));
  for (int i = 0; i < 10; ++i) predictor.was_quick(0);
  predictor.stalled(0);
  CHECK(predictor.expects_stall(0));
}

TEST_CASE("Predictor: a pardon takes one theft back") {
  Predictor predictor(1s, kStart);
  predictor.stalled(~0u);
  predictor.pardon(~0u);
  CHECK(!predictor.expects_stall(~0u));
  predictor.pardon(~0u);
  predictor.stalled(~0u);
  CHECK(predictor.expects_stall(~0u));
}

TEST_CASE("Predictor: one step fades each second, whenever it is asked") {
  Predictor predictor(1s, kStart);
  predictor.stalled(7);
  predictor.stalled(7);  // 3
  predictor.decay(kStart + 999ms);
  CHECK(predictor.expects_stall(7));
  predictor.decay(kStart + 1s);
  CHECK(predictor.expects_stall(7));
  predictor.decay(kStart + 1999ms);
  CHECK(predictor.expects_stall(7));
  predictor.decay(kStart + 2s);
  CHECK(!predictor.expects_stall(7));

  predictor.stalled(7);
  predictor.decay(kStart + 24h);
  CHECK(!predictor.expects_stall(7));
  predictor.stalled(7);
  CHECK(predictor.expects_stall(7));
}

TEST_CASE("Predictor: while it is held nothing fades") {
  Predictor predictor(1s, kStart);
  predictor.stalled(7);
  for (auto now = kStart; now < kStart + 1min; now += 700ms) predictor.hold(now);
  predictor.decay(kStart + 1min);
  CHECK(predictor.expects_stall(7));
}
