// Memory: none for a request once a connection is warm, and never by what a length claims.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "fastcgi/connection_state.hpp"
#include "tests/fastcgi/conversation.hpp"

namespace {

// The tests of this room run on one thread.
bool counting = false;
std::size_t allocations = 0;
std::size_t allocated_bytes = 0;

void* allocate(std::size_t size) {
  if (counting) {
    ++allocations;
    allocated_bytes += size;
  }
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace owind::fastcgi;
using namespace owind::fastcgi::testing;

namespace {

/// Feeds `stream` in chunks of `chunk_size` with end() at the end of each body, and counts.
void feed_counting(ConnectionState& state, std::string_view stream, std::size_t chunk_size) {
  counting = true;
  for (std::size_t at = 0; at < stream.size(); at += chunk_size) {
    auto rest = as_bytes(stream.substr(at, chunk_size));
    for (;;) {
      const auto fed = state.next(rest);
      if (fed.event.kind == Event::Kind::kNeedMore || fed.event.kind == Event::Kind::kPeerError) break;
      rest = rest.subspan(fed.consumed);
      if (fed.event.kind == Event::Kind::kStdinEnd) state.end(fed.event.id);
    }
  }
  counting = false;
}

}  // namespace

TEST_CASE("ConnectionState: a request on a warm connection allocates nothing, even where its pairs are cut") {
  Bytes pairs;
  for (int i = 0; i < 25; ++i)
    pairs += pair("HTTP_NAME_" + std::to_string(i), Bytes(static_cast<std::size_t>(10 * i), 'v'));
  const Bytes request = begin(1) + params(1, pairs) + params(1) + stdin_record(1, "body") + stdin_record(1);
  const Bytes two = begin(1) + begin(3) + params(3, pairs) + params(1, pairs) + params(1) + params(3) +
                    stdin_record(3) + stdin_record(1) + record(9, 0, pair("FCGI_MAX_REQS", ""));
  const Limits limits;
  ConnectionState state(limits, {});
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{97}, std::size_t{1} << 20}) {
    feed_counting(state, request + two, chunk);
    allocations = 0;
    for (int i = 0; i < 10; ++i) feed_counting(state, request + two, chunk);
    CHECK(allocations == 0);
  }
  CHECK(state.idle());
}

TEST_CASE("ConnectionState: memory grows with the bytes received, never with a claimed length") {
  const Limits wide{
      .max_params_bytes = 0xffffffff, .max_name_bytes = 0xffffffff, .max_value_bytes = 0xffffffff};
  for (const auto& lengths :
       {long_length(0x7fffffff) + Bytes(1, '\0'), Bytes(1, '\0') + long_length(0x7fffffff),
        long_length(0x3fffffff) + long_length(0x3fffffff)}) {
    ConnectionState state(wide, {});
    allocated_bytes = 0;
    feed_counting(state, begin(1) + params(1, lengths + Bytes(1000, 'x')), 64);
    CHECK(allocated_bytes < 8 * 1024);
    CHECK(state.active() == 1);
  }
}

TEST_CASE("ConnectionState: many limited, refused or unknown requests leave memory flat") {
  const Limits tight{.max_params = 1, .max_active_requests = 1};
  ConnectionState state(tight, {});
  const Bytes round = begin(1) + params(1, pair("A", "1") + pair("B", "2")) + begin(3, 9) + params(3) +
                      params(1) + stdin_record(1, "x") + stdin_record(1) + record(200, 0, "?") +
                      record(9, 0, pair("FCGI_MAX_REQS", "") + pair(Bytes(1000, 'n'), Bytes(1000, 'v')));
  feed_counting(state, round, 50);
  allocations = 0;
  for (int i = 0; i < 100; ++i) feed_counting(state, round, 50);
  CHECK(allocations == 0);
  CHECK(state.idle());
}
