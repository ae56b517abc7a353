// What others may ask about a thread's call, at any moment of it.
#include "server/runner/worker.hpp"

#include <doctest/doctest.h>

#include "server/runner/spare_threads.hpp"

using namespace owind::runner;

namespace {

struct Alone {
  RunnerOptions options;
  RunnerSeams seams;
  SpareThreads threads{options, seams};
  Worker worker{threads};
};

}  // namespace

TEST_CASE("CallMark: a call waits for the runtime until it has entered, and runs until it has returned") {
  Alone alone;
  const CallMark call = alone.worker.begin_call();
  CHECK(call.runs());
  CHECK(call.waits_for_runtime());
  alone.worker.entered.store(1);
  CHECK(call.runs());
  CHECK(!call.waits_for_runtime());
  alone.worker.end_call();
  CHECK(!call.runs());
}

TEST_CASE(
    "CallMark: a call that returned without having entered waits no longer, nor does it in the next call's "
    "name") {
  Alone alone;
  const CallMark call = alone.worker.begin_call();
  alone.worker.end_call();
  CHECK(!call.waits_for_runtime());
  const CallMark next = alone.worker.begin_call();
  CHECK(!call.waits_for_runtime());
  CHECK(next.waits_for_runtime());
}

TEST_CASE("CallMark: of a thread that is in no call, it neither runs nor waits") {
  Alone alone;
  CHECK(!CallMark{}.runs());
  CHECK(!CallMark{}.waits_for_runtime());
  CHECK(!alone.worker.mark().waits_for_runtime());
  // Taken by a thief after the call returned and before its lease was ended: the lease can still be stolen
  // then.
  alone.worker.begin_call();
  alone.worker.end_call();
  CHECK(!alone.worker.mark().runs());
  CHECK(!alone.worker.mark().waits_for_runtime());
}
