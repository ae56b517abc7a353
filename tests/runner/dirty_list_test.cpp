// Many producers, one consumer: nothing is lost, nothing is seen twice at once.
#include "server/runner/dirty_list.hpp"

#include <doctest/doctest.h>

#include "tests/runner/rig.hpp"

using namespace owind::runner;
using namespace owind::runner::test;

TEST_CASE("DirtyList: effects are looked at in the order of their first push, once") {
  TestEffect one, two, three;
  DirtyList list;
  CHECK(list.empty());
  CHECK(list.push(one));
  CHECK(list.push(two));
  CHECK(!list.push(one));
  CHECK(list.push(three));
  CHECK(!list.empty());
  std::vector<Effect*> seen;
  CHECK(list.drain([&](Effect& effect) { seen.push_back(&effect); }));
  CHECK(seen == std::vector<Effect*>{&one, &two, &three});
  CHECK(list.empty());
  CHECK(!list.drain([&](Effect&) { CHECK(false); }));
}

TEST_CASE("DirtyList: an effect can be pushed again while it is looked at, for the next drain") {
  TestEffect one, two;
  DirtyList list;
  list.push(one);
  list.push(two);
  int looks = 0;
  list.drain([&](Effect& effect) {
    ++looks;
    CHECK(list.push(effect));
  });
  CHECK(looks == 2);
  CHECK(list.drain([&](Effect&) { ++looks; }));
  CHECK(looks == 4);
  CHECK(!list.drain([&](Effect&) { ++looks; }));
}

TEST_CASE(
    "DirtyList: a change made before a push is seen by a look that comes after it, from any number of "
    "threads") {
  constexpr int kProducers = 3;
  constexpr int kRounds = 20'000;
  struct Counted : Effect {
    std::atomic<int> made{0};  // relaxed: the list orders it
    int seen = 0;
  };
  std::vector<std::unique_ptr<Counted>> effects;
  for (int i = 0; i < 4; ++i) effects.push_back(std::make_unique<Counted>());
  DirtyList list;
  std::atomic<int> running{kProducers};
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        Counted& effect = *effects[static_cast<std::size_t>(round) % effects.size()];
        effect.made.fetch_add(1, std::memory_order_relaxed);
        list.push(effect);
      }
      running.fetch_sub(1);
    });
  }
  const auto look = [](Effect& effect) {
    auto& counted = static_cast<Counted&>(effect);
    counted.seen = counted.made.load(std::memory_order_relaxed);
  };
  while (running.load() > 0) list.drain(look);
  list.drain(look);
  for (auto& producer : producers) producer.join();
  for (const auto& effect : effects) CHECK(effect->seen == kProducers * kRounds / 4);
}
