#include "server/process/stop_controller.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>
#include <vector>

using namespace owind::process;

namespace {

struct Fixture {
  std::vector<std::string> done;
  StopController controller{{
      .drain = [this] { done.push_back("drain"); },
      .stop_now = [this] { done.push_back("stop"); },
      .exit_now = [this](int code) { done.push_back("exit " + std::to_string(code)); },
      .unsupported = [this](int signal) { done.push_back("unsupported " + std::to_string(signal)); },
  }};
};

using Done = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "StopController: TERM and QUIT drain") {
  CHECK(controller.state() == StopState::kRunning);
  SUBCASE("TERM") { controller.on_signal(SIGTERM); }
  SUBCASE("QUIT") { controller.on_signal(SIGQUIT); }
  CHECK(done == Done{"drain"});
  CHECK(controller.state() == StopState::kDraining);
}

TEST_CASE_FIXTURE(Fixture, "StopController: INT stops now") {
  controller.on_signal(SIGINT);
  CHECK(done == Done{"stop"});
  CHECK(controller.state() == StopState::kStopping);
}

TEST_CASE_FIXTURE(Fixture, "StopController: a second one of any exits with 128 + its number, once") {
  const int signals[] = {SIGTERM, SIGQUIT, SIGINT};
  for (const int first : signals) {
    for (const int second : signals) {
      CAPTURE(first);
      CAPTURE(second);
      Fixture each;
      each.controller.on_signal(first);
      each.controller.on_signal(second);
      REQUIRE(each.done.size() == 2);
      CHECK(each.done[1] == "exit " + std::to_string(128 + second));
      CHECK(each.controller.state() == StopState::kExiting);
      each.controller.on_signal(second);
      CHECK(each.done.size() == 2);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "StopController: other signals mean nothing yet and do not count as a first") {
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU}) {
    done.clear();
    controller.on_signal(signal);
    CHECK(done == Done{"unsupported " + std::to_string(signal)});
  }
  done.clear();
  controller.on_signal(SIGTERM);
  CHECK(done == Done{"drain"});
}

TEST_CASE_FIXTURE(Fixture, "StopController: a requested drain counts as the first TERM") {
  CHECK(controller.request_drain());
  CHECK_FALSE(controller.request_drain());
  CHECK(done == Done{"drain"});
  controller.on_signal(SIGTERM);
  CHECK(done == Done{"drain", "exit 143"});
  CHECK_FALSE(controller.request_drain());
  CHECK_FALSE(controller.request_stop_now());
}

TEST_CASE_FIXTURE(Fixture,
                  "StopController: the drain timeout turns a drain into a stop, a stop into nothing more") {
  controller.on_signal(SIGTERM);
  CHECK(controller.request_stop_now());
  CHECK(done == Done{"drain", "stop"});
  CHECK(controller.state() == StopState::kStopping);
  CHECK_FALSE(controller.request_stop_now());
  controller.on_signal(SIGINT);
  CHECK(done == Done{"drain", "stop", "exit 130"});
}

TEST_CASE_FIXTURE(Fixture, "StopController: a requested stop needs no drain before it") {
  CHECK(controller.request_stop_now());
  CHECK(done == Done{"stop"});
  CHECK_FALSE(controller.request_drain());
}
