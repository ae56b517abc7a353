// The pipe between the leader and the application: marks, wake-ups, ends, and every size across its chunks.
#include "middleware/body_pipe.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/middleware/pattern.hpp"

using namespace owind::middleware;
using namespace owind::middleware::testing;

namespace {

constexpr PipeLimits kSmall{.high_mark_bytes = 100, .low_mark_bytes = 40};

BodyPipe::Moved push(BodyPipe& pipe, std::size_t bytes) { return pipe.push(pattern(pipe.total_in(), bytes)); }

/// Takes what is there, at most `bytes`, and checks that it is the pattern from `at`.
std::size_t take(BodyPipe& pipe, std::size_t at, std::size_t bytes) {
  std::vector<std::byte> buffer(bytes);
  const auto moved = pipe.pull(buffer);
  buffer.resize(moved.bytes);
  CHECK(buffer == pattern(at, moved.bytes));
  return moved.bytes;
}

/// As the codec takes it: views, then consume.
std::size_t peek_all(BodyPipe& pipe, std::size_t at, std::size_t limit, bool& wake) {
  std::array<std::span<const std::byte>, 3> views;
  const std::size_t count = pipe.peek(views, limit);
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(!views[i].empty());
    CHECK(std::vector<std::byte>(views[i].begin(), views[i].end()) == pattern(at + total, views[i].size()));
    total += views[i].size();
  }
  CHECK(total <= limit);
  if (total) wake = pipe.consume(total);
  return total;
}

}  // namespace

TEST_CASE("BodyPipe: a new pipe has nothing, and its reader waits") {
  BodyPipe pipe;
  std::array<std::byte, 8> buffer;
  CHECK(pipe.size() == 0);
  CHECK(!pipe.drained());
  CHECK(!pipe.over_high());
  const auto moved = pipe.pull(buffer);
  CHECK(moved.status == Status::kWait);
  CHECK(moved.bytes == 0);
  CHECK(pipe.consumer_waits());
}

TEST_CASE("BodyPipe: a waiting reader is woken once, by the push that brings bytes") {
  BodyPipe pipe;
  std::array<std::byte, 8> buffer;
  REQUIRE(pipe.pull(buffer).status == Status::kWait);
  CHECK(!pipe.push({}).wake_other);
  CHECK(push(pipe, 1).wake_other);
  CHECK(!push(pipe, 1).wake_other);
  CHECK(!pipe.consumer_waits());
  CHECK(take(pipe, 0, 8) == 2);
}

TEST_CASE("BodyPipe: a reader that asks again takes its wake-up back") {
  BodyPipe pipe;
  std::array<std::byte, 8> buffer;
  REQUIRE(pipe.pull(buffer).status == Status::kWait);
  CHECK(push(pipe, 1).wake_other);
  CHECK(take(pipe, 0, 8) == 1);
  CHECK(!push(pipe, 1).wake_other);
}

TEST_CASE("BodyPipe: push takes bytes up to the high mark, exactly") {
  for (const std::size_t offered : {std::size_t{99}, std::size_t{100}, std::size_t{101}, std::size_t{5000}}) {
    BodyPipe pipe(kSmall);
    const auto moved = push(pipe, offered);
    CHECK(moved.bytes == std::min<std::size_t>(offered, 100));
    CHECK(moved.status == (offered > 100 ? Status::kWait : Status::kOk));
    CHECK(pipe.producer_waits() == (offered > 100));
    CHECK(pipe.over_high() == (offered >= 100));
    CHECK(pipe.size() == moved.bytes);
    CHECK(pipe.total_in() == moved.bytes);
  }
}

TEST_CASE("BodyPipe: a full pipe takes nothing, and no bytes are always taken") {
  BodyPipe pipe(kSmall);
  REQUIRE(push(pipe, 100).status == Status::kOk);
  CHECK(push(pipe, 1).bytes == 0);
  CHECK(push(pipe, 1).status == Status::kWait);
  CHECK(pipe.push({}).status == Status::kOk);
}

TEST_CASE("BodyPipe: a waiting writer is woken once, at the low mark and not above it") {
  BodyPipe pipe(kSmall);
  REQUIRE(push(pipe, 101).status == Status::kWait);
  std::array<std::byte, 59> most;
  CHECK(!pipe.pull(most).wake_other);
  CHECK(pipe.size() == 41);
  std::array<std::byte, 1> one;
  CHECK(pipe.pull(one).wake_other);
  CHECK(!pipe.pull(one).wake_other);
  CHECK(!pipe.producer_waits());
}

TEST_CASE("BodyPipe: consume wakes a waiting writer at the low mark, once") {
  BodyPipe pipe(kSmall);
  REQUIRE(push(pipe, 101).status == Status::kWait);
  bool wake = false;
  CHECK(peek_all(pipe, 0, 59, wake) == 59);
  CHECK(!wake);
  CHECK(peek_all(pipe, 59, 1, wake) == 1);
  CHECK(wake);
  CHECK(peek_all(pipe, 60, 1, wake) == 1);
  CHECK(!wake);
}

TEST_CASE("BodyPipe: push_all takes everything, whatever the marks say") {
  BodyPipe pipe(kSmall);
  const auto moved = pipe.push_all(pattern(0, 200'000));
  CHECK(moved.status == Status::kOk);
  CHECK(moved.bytes == 200'000);
  CHECK(pipe.over_high());
  CHECK(!pipe.producer_waits());
  CHECK(take(pipe, 0, 300'000) == 200'000);
}

TEST_CASE("BodyPipe: the end is told behind the last byte, and again each time") {
  BodyPipe pipe;
  std::array<std::byte, 4> buffer;
  push(pipe, 5);
  CHECK(!pipe.finish());
  CHECK(pipe.finished());
  CHECK(!pipe.drained());
  CHECK(take(pipe, 0, 4) == 4);
  CHECK(take(pipe, 4, 4) == 1);
  CHECK(pipe.drained());
  for (int i = 0; i < 2; ++i) {
    const auto moved = pipe.pull(buffer);
    CHECK(moved.status == Status::kEnd);
    CHECK(moved.bytes == 0);
  }
}

TEST_CASE("BodyPipe: the end wakes a reader that waits, once") {
  BodyPipe pipe;
  std::array<std::byte, 4> buffer;
  REQUIRE(pipe.pull(buffer).status == Status::kWait);
  CHECK(pipe.finish());
  CHECK(!pipe.finish());
  CHECK(pipe.pull(buffer).status == Status::kEnd);
}

TEST_CASE("BodyPipe: an end that is a failure is told behind the last byte, and not after a reset") {
  BodyPipe pipe;
  std::array<std::byte, 4> buffer;
  push(pipe, 3);
  pipe.finish(Status::kCut);
  CHECK(take(pipe, 0, 4) == 3);
  for (int i = 0; i < 2; ++i) CHECK(pipe.pull(buffer).status == Status::kCut);
  pipe.reset();
  pipe.finish();
  CHECK(pipe.pull(buffer).status == Status::kEnd);
}

TEST_CASE("BodyPipe: every size comes out as it went in, however both sides cut it") {
  constexpr std::size_t kFirst = 4096;
  constexpr std::size_t kChunk = 32 * 1024;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kFirst - 1, kFirst, kFirst + 1, kFirst + kChunk - 1, kFirst + kChunk,
        kFirst + kChunk + 1, kFirst + 3 * kChunk + 7}) {
    for (const std::size_t in :
         {std::size_t{1}, std::size_t{333}, kFirst, kChunk + 1, std::size_t{1} << 20}) {
      for (const std::size_t out : {std::size_t{1}, std::size_t{500}, kFirst, kChunk, std::size_t{1} << 20}) {
        for (const bool views : {false, true}) {
          if (size / in > 5000 || size / out > 5000) continue;
          CAPTURE(size);
          CAPTURE(in);
          CAPTURE(out);
          CAPTURE(views);
          BodyPipe pipe;
          std::size_t taken = 0;
          bool wake = false;
          for (std::size_t at = 0; at < size;) {
            const std::size_t n = std::min(in, size - at);
            REQUIRE(pipe.push_all(pattern(at, n)).bytes == n);
            at += n;
            // Half of what is there stays, so that chunks are left half read.
            if (pipe.size() > 2 * out)
              taken += views ? peek_all(pipe, taken, out, wake) : take(pipe, taken, out);
          }
          pipe.finish();
          while (!pipe.drained()) {
            const std::size_t n = views ? peek_all(pipe, taken, out, wake) : take(pipe, taken, out);
            REQUIRE(n > 0);
            taken += n;
          }
          CHECK(taken == size);
          CHECK(pipe.total_in() == size);
        }
      }
    }
  }
}

TEST_CASE(
    "BodyPipe: peek gives the oldest bytes first, as many views as there is room for, and takes nothing") {
  BodyPipe pipe;
  REQUIRE(pipe.push_all(pattern(0, 200'000)).bytes == 200'000);
  std::array<std::span<const std::byte>, 8> views;
  CHECK(pipe.peek(std::span(views).first(0), 100) == 0);
  CHECK(pipe.peek(views, 0) == 0);
  CHECK(pipe.peek(std::span(views).first(1), 200'000) == 1);
  CHECK(views[0].size() == 4096);
  CHECK(pipe.peek(views, 4097) == 2);
  CHECK(views[1].size() == 1);
  CHECK(pipe.size() == 200'000);
  CHECK(!pipe.consume(0));
  CHECK(take(pipe, 0, 200'000) == 200'000);
}

TEST_CASE(
    "BodyPipe: what was peeked stays readable while the other side pushes or gives up, until it is "
    "consumed") {
  BodyPipe pipe;
  REQUIRE(pipe.push_all(pattern(0, 100'000)).bytes == 100'000);
  std::array<std::span<const std::byte>, 8> views;
  const std::size_t count = pipe.peek(views, 100'000);
  REQUIRE(pipe.push_all(pattern(100'000, 50'000)).bytes == 50'000);
  CHECK(pipe.close(Status::kAborted) == Ready::kNone);
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(std::vector<std::byte>(views[i].begin(), views[i].end()) == pattern(total, views[i].size()));
    total += views[i].size();
  }
  CHECK(total == 100'000);
  CHECK(!pipe.consume(total));
  CHECK(pipe.peek(views, 1) == 0);
  CHECK(pipe.size() == 0);
}

TEST_CASE("BodyPipe: a second call of the reading side while views are out is answered kBusy") {
  BodyPipe pipe;
  push(pipe, 10);
  std::array<std::span<const std::byte>, 1> views;
  std::array<std::byte, 4> buffer;
  REQUIRE(pipe.peek(views, 10) == 1);
  CHECK(pipe.pull(buffer).status == Status::kBusy);
  CHECK(pipe.pull(buffer).bytes == 0);
  pipe.consume(5);
  CHECK(take(pipe, 5, 4) == 4);
}

TEST_CASE("BodyPipe: close drops what is there; both sides learn the reason, and the first one counts") {
  for (const Status reason : {Status::kAborted, Status::kStalled, Status::kTimeout}) {
    BodyPipe pipe;
    push(pipe, 50'000);
    CHECK(pipe.close(reason) == Ready::kNone);
    CHECK(pipe.close(Status::kFailed) == Ready::kNone);
    std::array<std::byte, 4> buffer;
    CHECK(pipe.closed());
    CHECK(pipe.size() == 0);
    CHECK(pipe.pull(buffer).status == reason);
    CHECK(push(pipe, 1).status == reason);
    CHECK(push(pipe, 1).bytes == 0);
    CHECK(pipe.push_all(pattern(0, 1)).status == reason);
    std::array<std::span<const std::byte>, 1> views;
    CHECK(pipe.peek(views, 1) == 0);
    CHECK(!pipe.consumer_waits());
    CHECK(!pipe.producer_waits());
  }
}

TEST_CASE("BodyPipe: close says who waits, each once") {
  std::array<std::byte, 4> buffer;
  BodyPipe reader;
  REQUIRE(reader.pull(buffer).status == Status::kWait);
  CHECK(reader.close(Status::kAborted) == Ready::kRead);
  CHECK(reader.close(Status::kAborted) == Ready::kNone);
  BodyPipe writer(kSmall);
  REQUIRE(push(writer, 101).status == Status::kWait);
  CHECK(writer.close(Status::kAborted) == Ready::kWrite);
  CHECK(writer.close(Status::kAborted) == Ready::kNone);
}

TEST_CASE("BodyPipe: a push that would exceed its limit in all takes nothing") {
  BodyPipe pipe(kSmall);
  CHECK(pipe.push(pattern(0, 60), 70).status == Status::kOk);
  const auto over = pipe.push(pattern(60, 11), 70);
  CHECK(over.status == Status::kTooManyBytes);
  CHECK(over.bytes == 0);
  CHECK(take(pipe, 0, 1000) == 60);
  // What was taken out counts as well.
  CHECK(pipe.push(pattern(60, 11), 70).status == Status::kTooManyBytes);
  CHECK(pipe.push(pattern(60, 10), 70).status == Status::kOk);
  CHECK(pipe.push({}, 70).status == Status::kOk);
  CHECK(pipe.push(pattern(70, 1), 0).status == Status::kTooManyBytes);
  pipe.close(Status::kAborted);
  CHECK(pipe.push(pattern(70, 1), 70).status == Status::kAborted);
}

TEST_CASE("BodyPipe: a reset pipe is as new, with its limits") {
  BodyPipe pipe(kSmall);
  std::array<std::byte, 4> buffer;
  for (int round = 0; round < 3; ++round) {
    REQUIRE(push(pipe, 101).status == Status::kWait);
    if (round == 1) pipe.finish();
    if (round == 2) pipe.close(Status::kAborted);
    pipe.reset();
    CHECK(pipe.size() == 0);
    CHECK(pipe.total_in() == 0);
    CHECK(!pipe.finished());
    CHECK(!pipe.closed());
    CHECK(!pipe.producer_waits());
    CHECK(pipe.pull(buffer).status == Status::kWait);
    CHECK(push(pipe, 3).wake_other);
    CHECK(take(pipe, 0, 4) == 3);
    pipe.reset();
  }
}
