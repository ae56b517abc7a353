// One word, and exactly one winner.
#include "server/runner/lease.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace owind::runner;

namespace {

/// Gives the processor away now and then: where both share one, each turn would take a time slice.
class Spin {
 public:
  void operator()() {
    if (++turns_ % 256 == 0) std::this_thread::yield();
  }

 private:
  unsigned turns_ = 0;
};

}  // namespace

TEST_CASE("Lease: only the one that was published can be ended, and only once") {
  Lease lease;
  CHECK(!Lease::in_call(lease.load()));
  const Lease::Word first = lease.next();
  lease.publish(first);
  CHECK(Lease::in_call(lease.load()));
  CHECK(lease.end(first));
  CHECK(!lease.end(first));
  CHECK(!Lease::in_call(lease.load()));
  const Lease::Word second = lease.next();
  CHECK(second != first);
  lease.publish(second);
  CHECK(!lease.end(first));
  CHECK(lease.end(second));
}

TEST_CASE("Lease: a word tells how many calls have begun") {
  Lease lease;
  CHECK(Lease::begun(lease.load()) == 0);
  for (std::uint64_t call = 1; call <= 3; ++call) {
    const Lease::Word word = lease.next();
    lease.publish(word);
    CHECK(Lease::begun(lease.load()) == call);
    lease.end(word);
    CHECK(Lease::begun(lease.load()) == call);
  }
}

TEST_CASE(
    "Lease: of a thief and a leader exactly one ends it, and what the other wrote before is visible to the "
    "winner") {
  Lease lease;
  int shared = 0;  // the leader's own
  std::atomic<Lease::Word> offered{0};
  std::atomic<int> answers{0};
  std::atomic<bool> stolen{false}, over{false};
  constexpr int kRounds = 20'000;
  std::thread thief([&] {
    Lease::Word last = 0;
    Spin spin;
    while (!over.load()) {
      const Lease::Word word = offered.load();
      if (word == last) {
        spin();
        continue;
      }
      last = word;
      if (lease.end(word)) {
        ++shared;
        stolen.store(true);
      }
      answers.fetch_add(1);
    }
  });
  // As many rounds as there is time for where both share a processor with others.
  const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  int rounds = 0;
  Spin spin;
  while (rounds < kRounds && std::chrono::steady_clock::now() < enough) {
    ++rounds;
    const Lease::Word word = lease.next();
    stolen.store(false);
    lease.publish(word);
    offered.store(word);
    // As long as the word takes to the other one, more or less: else the leader always wins.
    for (int steps = rounds % 512; steps > 0; --steps) std::atomic_signal_fence(std::memory_order_seq_cst);
    if (lease.end(word)) ++shared;
    while (answers.load() != rounds) spin();
  }
  over.store(true);
  thief.join();
  CHECK(shared == rounds);
}
