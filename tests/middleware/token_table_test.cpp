// Tokens: what they say, what they name, and that they name nothing once their request is over.
#include "middleware/token_table.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <semaphore>
#include <thread>

#include "tests/middleware/fake_environment.hpp"

using namespace owind::middleware;
using namespace owind::middleware::testing;

TEST_CASE("Token: generation, shard and slot come out as they went in, at the ends of their ranges") {
  for (const std::uint32_t generation : {0u, 1u, 0x80000000u, 0xffffffffu})
    for (const std::uint32_t shard : {0u, 1u, Token::kMaxShards - 1})
      for (const std::uint32_t slot : {0u, 1u, Token::kMaxSlots - 1}) {
        const Token token = Token::make(generation, shard, slot);
        CHECK(token.generation() == generation);
        CHECK(token.shard() == shard);
        CHECK(token.slot() == slot);
        CHECK(static_cast<bool>(token) == (generation || shard || slot));
      }
  CHECK(Token::make(1, 0, 0) != Token::make(2, 0, 0));
  CHECK(!Token{});
}

TEST_CASE("TokenTable: a token names its request while it is open, and only then") {
  TokenTable table;
  FakeEnvironment first;
  FakeEnvironment second;
  CHECK(table.add_slot(0, first) == 0);
  CHECK(table.add_slot(0, second) == 1);
  CHECK(!table.pin(Token::make(0, 0, 0)));
  CHECK(!table.pin(Token::make(1, 0, 0)));
  const Token a = table.open(0, 0);
  const Token b = table.open(0, 1);
  CHECK(a != b);
  CHECK(&*table.pin(a) == &first);
  CHECK(&*table.pin(b) == &second);
  CHECK(table.close(a));
  CHECK(!table.pin(a));
  CHECK(&*table.pin(b) == &second);
  CHECK(table.unpinned(a));
}

TEST_CASE("TokenTable: a token of a former request in the same slot names nothing") {
  TokenTable table;
  FakeEnvironment environment;
  table.add_slot(3, environment);
  Token last;
  for (int i = 0; i < 100; ++i) {
    const Token token = table.open(3, 0);
    CHECK(token != last);
    CHECK(token.generation() == static_cast<std::uint32_t>(i + 1));
    CHECK(token.shard() == 3);
    if (last) CHECK(!table.pin(last));
    CHECK(table.pin(token));
    CHECK(table.close(token));
    last = token;
  }
}

TEST_CASE("TokenTable: tokens that were never given out name nothing, anywhere") {
  TokenTable table;
  FakeEnvironment environment;
  table.add_slot(1, environment);
  const Token token = table.open(1, 0);
  for (const Token other :
       {Token{}, Token{~std::uint64_t{0}}, Token::make(1, 0, 0), Token::make(1, 255, 0), Token::make(1, 1, 1),
        Token::make(1, 1, 1023), Token::make(1, 1, 1024), Token::make(1, 1, Token::kMaxSlots - 1),
        Token::make(2, 1, 0), Token::make(0, 1, 0)})
    CHECK(!table.pin(other));
  CHECK(table.pin(token));
}

TEST_CASE("TokenTable: slots are counted for each shard, beyond one chunk of them") {
  TokenTable table;
  FakeEnvironment environment;
  FakeEnvironment last;
  for (std::uint32_t i = 0; i < 2500; ++i) REQUIRE(table.add_slot(7, environment) == i);
  CHECK(table.add_slot(7, last) == 2500);
  CHECK(table.add_slot(8, environment) == 0);
  CHECK(&*table.pin(table.open(7, 2500)) == &last);
  CHECK(&*table.pin(table.open(7, 2499)) == &environment);
  CHECK_THROWS(table.add_slot(Token::kMaxShards, environment));
}

TEST_CASE("TokenTable: who closes while a call is inside hears when the last one leaves, once") {
  TokenTable table;
  FakeEnvironment environment;
  table.add_slot(0, environment);
  const Token token = table.open(0, 0);
  std::optional<TokenTable::Pin> first(table.pin(token));
  std::optional<TokenTable::Pin> second(table.pin(token));
  CHECK(!table.unpinned(token));
  CHECK(!table.close(token));
  CHECK(!table.pin(token));
  first.reset();
  CHECK(environment.last_pins == 0);
  CHECK(!table.unpinned(token));
  second.reset();
  CHECK(environment.last_pins == 1);
  CHECK(table.unpinned(token));
  const Token next = table.open(0, 0);
  { const auto pin = table.pin(next); }
  CHECK(environment.last_pins == 1);
}

TEST_CASE("TokenTable: a pin that was moved from gives nothing up") {
  TokenTable table;
  FakeEnvironment environment;
  table.add_slot(0, environment);
  const Token token = table.open(0, 0);
  {
    TokenTable::Pin pin = table.pin(token);
    const TokenTable::Pin moved(std::move(pin));
    CHECK(moved);
    CHECK(!table.close(token));
  }
  CHECK(environment.last_pins == 1);
}

namespace {

/// What only one owner at a time may touch: not atomic, so that ThreadSanitizer sees a pin that outlives its
/// request.
class Guarded : public FakeEnvironment {
 public:
  std::uint64_t request = 0;
};

}  // namespace

TEST_CASE("TokenTable: under threads a pinned request is never reused, and each close is answered once") {
  constexpr int kRounds = 20'000;
  TokenTable table;
  Guarded environment;
  std::counting_semaphore<> left{0};
  environment.on_last_pin = [&] { left.release(); };
  table.add_slot(0, environment);
  std::atomic<std::uint64_t> current{0};
  std::atomic<std::uint64_t> pinned{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<bool> done{false};
  const auto caller = [&] {
    for (unsigned turn = 1; !done; ++turn) {
      const Token token{current.load(std::memory_order_relaxed)};
      if (const auto pin = table.pin(token)) {
        ++pinned;
        if (static_cast<Guarded&>(*pin).request != token.generation()) ++wrong;
      }
      // The one before is over for good.
      const Token former = Token::make(token.generation() - 1, 0, 0);
      if (former.generation() != 0 && table.pin(former)) ++wrong;
      if (turn % 64 == 0) std::this_thread::yield();
    }
  };
  std::thread one(caller);
  std::thread two(caller);
  int waits = 0;
  // As many as there is time for where everything shares a processor with others.
  const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (int i = 0; i < kRounds && std::chrono::steady_clock::now() < enough; ++i) {
    // No caller can be inside here: the last token is closed and unpinned.
    ++environment.request;
    const Token token = table.open(0, 0);
    current.store(token.value, std::memory_order_relaxed);
    if (i % 8 == 0) std::this_thread::yield();
    if (!table.close(token)) {
      ++waits;
      left.acquire();
    }
    if (!table.unpinned(token)) ++wrong;
  }
  // One more, held open until a caller has been inside: without that the test shows nothing.
  ++environment.request;
  const Token token = table.open(0, 0);
  const std::uint64_t before = pinned;
  current.store(token.value, std::memory_order_relaxed);
  while (pinned == before) std::this_thread::yield();
  done = true;
  one.join();
  two.join();
  CHECK(table.close(token));
  CHECK(wrong == 0);
  CHECK(pinned > 0);
  CHECK(environment.last_pins == waits);
  CHECK(!left.try_acquire());
}

TEST_CASE("TokenTable: slots are added while others are in use") {
  TokenTable table;
  FakeEnvironment environment;
  table.add_slot(0, environment);
  const Token token = table.open(0, 0);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread caller([&] {
    while (!done) {
      if (!table.pin(token)) ++wrong;
      table.pin(Token::make(1, 0, 3000));
      table.pin(Token::make(1, 1, 5));
    }
  });
  std::thread adder([&] {
    for (int i = 0; i < 5000; ++i) table.add_slot(1, environment);
  });
  for (int i = 0; i < 5000; ++i) table.add_slot(0, environment);
  adder.join();
  done = true;
  caller.join();
  CHECK(wrong == 0);
  CHECK(table.add_slot(0, environment) == 5001);
  CHECK(table.add_slot(1, environment) == 5000);
}
