// The pipe between two threads, for ThreadSanitizer: every byte arrives, nobody sleeps for ever, everyone is
// woken once a wait.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <random>
#include <semaphore>
#include <thread>

#include "middleware/body_pipe.hpp"
#include "tests/middleware/pattern.hpp"

using namespace owind::middleware;
using namespace owind::middleware::testing;

namespace {

/// The two sides and how they wake each other. A wake-up that comes without a wait is left over in a
/// semaphore at the end.
struct Sides {
  explicit Sides(PipeLimits limits) : pipe(limits) {}

  BodyPipe pipe;
  std::counting_semaphore<> producer{0};
  std::counting_semaphore<> consumer{0};
  std::atomic<std::uint64_t> wrong_bytes{0};
  std::atomic<std::uint64_t> wrong_answers{0};
  std::uint64_t taken = 0;  ///< The consumer's.

  void wake(Ready who) {
    if (static_cast<int>(who) & static_cast<int>(Ready::kRead)) consumer.release();
    if (static_cast<int>(who) & static_cast<int>(Ready::kWrite)) producer.release();
  }
  bool nobody_is_woken_twice() { return !producer.try_acquire() && !consumer.try_acquire(); }
};

/// Pushes `total` bytes of the pattern in random pieces, waiting where it must; stops when the pipe is
/// closed.
void produce(Sides& sides, std::uint64_t total, unsigned seed, std::size_t most, bool finish = true) {
  std::minstd_rand random(seed);
  std::uint64_t at = 0;
  while (at < total) {
    const auto bytes = pattern(at, std::min<std::uint64_t>(1 + random() % most, total - at));
    const auto moved = sides.pipe.push(bytes);
    if (moved.wake_other) sides.consumer.release();
    at += moved.bytes;
    if (moved.status == Status::kWait) {
      sides.producer.acquire();
    } else if (moved.status == Status::kAborted) {
      return;
    } else if (moved.status != Status::kOk || moved.bytes != bytes.size()) {
      ++sides.wrong_answers;
      return;
    }
  }
  if (finish && sides.pipe.finish()) sides.consumer.release();
}

void check(Sides& sides, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes)
    if (byte != pattern_at(sides.taken++)) ++sides.wrong_bytes;
}

/// As the application reads. Closes the pipe itself after `give_up_at` bytes.
void pull(Sides& sides, unsigned seed, std::size_t most, std::uint64_t give_up_at) {
  std::minstd_rand random(seed);
  std::vector<std::byte> buffer(most);
  while (sides.taken < give_up_at) {
    const auto moved = sides.pipe.pull(std::span(buffer).first(1 + random() % most));
    if (moved.wake_other) sides.producer.release();
    check(sides, std::span(buffer).first(moved.bytes));
    if (moved.status == Status::kWait) {
      sides.consumer.acquire();
    } else if (moved.status != Status::kOk) {
      if (moved.status != Status::kEnd && moved.status != Status::kAborted) ++sides.wrong_answers;
      return;
    }
  }
  sides.wake(sides.pipe.close(Status::kAborted));
}

/// As the leader reads: views, then consume; where there is nothing it asks by pull(), which is what makes it
/// wait.
void peek(Sides& sides, unsigned seed, std::size_t most, std::uint64_t give_up_at) {
  std::minstd_rand random(seed);
  std::array<std::span<const std::byte>, 4> views;
  while (sides.taken < give_up_at) {
    const std::size_t count = sides.pipe.peek(views, 1 + random() % most);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      check(sides, views[i]);
      bytes += views[i].size();
    }
    if (count > 0) {
      if (sides.pipe.consume(bytes)) sides.producer.release();
      continue;
    }
    std::byte one;
    const auto moved = sides.pipe.pull({&one, 1});
    if (moved.wake_other) sides.producer.release();
    check(sides, std::span(&one, moved.bytes));
    if (moved.status == Status::kWait) {
      sides.consumer.acquire();
    } else if (moved.status != Status::kOk) {
      if (moved.status != Status::kEnd && moved.status != Status::kAborted) ++sides.wrong_answers;
      return;
    }
  }
  sides.wake(sides.pipe.close(Status::kAborted));
}

constexpr auto kNever = ~std::uint64_t{0};
using Consume = void (*)(Sides&, unsigned, std::size_t, std::uint64_t);

}  // namespace

TEST_CASE("BodyPipe: between two threads every byte arrives in order, and each wait has one wake-up") {
  constexpr std::uint64_t kTotal = 250'000;
  for (const Consume consume : {&pull, &peek}) {
    for (const auto& [in, out] : {std::pair<std::size_t, std::size_t>{100'000, 100'000},
                                  {700, 90'000},
                                  {90'000, 700},
                                  {5000, 5000}}) {
      for (const PipeLimits limits :
           {PipeLimits{}, PipeLimits{.high_mark_bytes = 1000, .low_mark_bytes = 0}}) {
        Sides sides(limits);
        std::thread producer([&, most = in] { produce(sides, kTotal, 1, most); });
        consume(sides, 2, out, kNever);
        producer.join();
        CHECK(sides.taken == kTotal);
        CHECK(sides.wrong_bytes == 0);
        CHECK(sides.wrong_answers == 0);
        CHECK(sides.pipe.drained());
        CHECK(sides.nobody_is_woken_twice());
      }
    }
  }
}

TEST_CASE("BodyPipe: a reader that gives up at any point stops the writer, wherever that stands") {
  for (const Consume consume : {&pull, &peek}) {
    for (unsigned round = 0; round < 60; ++round) {
      Sides sides({.high_mark_bytes = 20'000, .low_mark_bytes = 5000});
      std::thread producer([&] { produce(sides, kNever, round, 50'000); });
      consume(sides, round + 1, 10'000, 1 + (round * 7919u) % 100'000);
      producer.join();
      CHECK(sides.wrong_bytes == 0);
      CHECK(sides.wrong_answers == 0);
      CHECK(sides.pipe.size() == 0);
      CHECK(sides.nobody_is_woken_twice());
    }
  }
}

TEST_CASE("BodyPipe: a third thread may close it under both sides at any point") {
  for (const Consume consume : {&pull, &peek}) {
    for (unsigned round = 0; round < 60; ++round) {
      Sides sides({.high_mark_bytes = 20'000, .low_mark_bytes = 5000});
      std::thread producer([&] { produce(sides, kNever, round, 50'000); });
      std::thread closer([&] {
        while (sides.pipe.total_in() < (round * 7919u) % 100'000) std::this_thread::yield();
        sides.wake(sides.pipe.close(Status::kAborted));
      });
      consume(sides, round + 1, 10'000, kNever);
      producer.join();
      closer.join();
      CHECK(sides.wrong_bytes == 0);
      CHECK(sides.wrong_answers == 0);
      CHECK(sides.pipe.size() == 0);
      CHECK(sides.nobody_is_woken_twice());
      sides.pipe.reset();
      CHECK(sides.pipe.push(pattern(0, 10)).bytes == 10);
    }
  }
}

TEST_CASE("BodyPipe: of two writers at once one is answered kBusy and has moved nothing") {
  Sides sides({});
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<bool> busy{false};
  const std::vector<std::byte> bytes(32 * 1024, std::byte{7});
  const auto write = [&] {
    // Until the two meet: a copy of this size is interrupted somewhere long before the bound, even on one
    // processor.
    for (int i = 0; i < 1'000'000 && !busy; ++i) {
      const auto moved = sides.pipe.push_all(bytes);
      accepted += moved.bytes;
      if (moved.status == Status::kBusy) {
        if (moved.bytes != 0) ++sides.wrong_answers;
        busy = true;
      }
      // One of the two drains, so that memory stays flat; kBusy where the other is at it.
      if (i % 2 == 0 && sides.pipe.size() > 1'000'000) {
        std::vector<std::byte> sink(sides.pipe.size());
        sides.pipe.pull(sink);
      }
    }
  };
  std::thread other(write);
  write();
  other.join();
  CHECK(busy);
  CHECK(sides.wrong_answers == 0);
  CHECK(sides.pipe.total_in() == accepted);
}

TEST_CASE("BodyPipe: of two readers at once one is answered kBusy, and no byte is read twice") {
  Sides sides({});
  std::atomic<std::uint64_t> read{0};
  std::atomic<bool> busy{false};
  std::uint64_t written = 0;
  const std::vector<std::byte> bytes(512 * 1024, std::byte{7});
  std::atomic<bool> done{false};
  const auto reader = [&] {
    std::vector<std::byte> buffer(64 * 1024);
    while (!done || sides.pipe.size() > 0) {
      const auto moved = sides.pipe.pull(buffer);
      read += moved.bytes;
      if (moved.status == Status::kBusy) {
        if (moved.bytes != 0) ++sides.wrong_answers;
        busy = true;
      }
    }
  };
  std::thread one(reader);
  std::thread two(reader);
  for (int i = 0; i < 100'000 && !busy; ++i) {
    while (sides.pipe.size() > 4'000'000) std::this_thread::yield();
    written += sides.pipe.push_all(bytes).bytes;
  }
  done = true;
  one.join();
  two.join();
  CHECK(busy);
  CHECK(sides.wrong_answers == 0);
  CHECK(read == written);
}
