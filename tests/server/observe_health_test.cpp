#include "server/observe/health.hpp"

#include <doctest/doctest.h>

#include <deque>

using owind::observe::Health;

namespace {

Health::Clock::time_point now;
Health::Clock::time_point stepped() { return now; }

/// A loop that runs what it was given when it is told to.
struct Loop {
  std::deque<std::function<void()>> tasks;
  Health::Post post() {
    return [this](std::function<void()> task) { tasks.push_back(std::move(task)); };
  }
  void turn() {
    for (; !tasks.empty(); tasks.pop_front()) tasks.front()();
  }
};

}  // namespace

TEST_CASE("health: a process without loops is alive, and not ready until it says so") {
  Health health(stepped);
  CHECK(health.alive());
  CHECK(health.state() == Health::State::kStarting);
  health.set(Health::State::kDraining);
  CHECK(health.state() == Health::State::kDraining);
}

TEST_CASE(
    "health: a loop that does not turn for the whole patience is stuck, and one that turns again is alive") {
  Loop loop;
  Health health(stepped);
  health.watch({loop.post()});
  CHECK(health.alive());
  CHECK(loop.tasks.size() == 1);
  now += Health::kPatience - std::chrono::milliseconds(1);
  CHECK(health.alive());
  CHECK(loop.tasks.size() == 1);
  now += std::chrono::milliseconds(1);
  CHECK_FALSE(health.alive());
  loop.turn();
  CHECK(health.alive());
}

TEST_CASE("health: however long nobody asks, a loop that turns is alive") {
  Loop loop;
  Health health(stepped);
  health.watch({loop.post()});
  for (int i = 0; i < 3; ++i) {
    CHECK(health.alive());
    loop.turn();
    now += 10 * Health::kPatience;
  }
  CHECK(health.alive());
}

TEST_CASE("health: one loop that turns is enough") {
  Loop good, bad;
  Health health(stepped);
  health.watch({bad.post(), good.post()});
  CHECK(health.alive());
  good.turn();
  now += Health::kPatience;
  CHECK(health.alive());
  now += Health::kPatience;
  CHECK_FALSE(health.alive());
}

TEST_CASE("health: a task may run when the object is gone") {
  Loop loop;
  {
    Health health(stepped);
    health.watch({loop.post()});
    CHECK(health.alive());
  }
  loop.turn();
}
