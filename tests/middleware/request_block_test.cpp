// The request block: what goes in comes out, at any size; a closed one is known by its generation.
#include "middleware/request_block.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

using namespace owind::middleware;

namespace {

/// Reads a sealed block as managed code does: by its layout alone.
struct Reader {
  explicit Reader(const RequestBlock& block) : data(static_cast<const std::byte*>(block.data())) {
    std::memcpy(static_cast<void*>(&size), data, 4);
    std::memcpy(&field_count, data + 12, 4);
    std::memcpy(&fields_offset, data + 16, 4);
    std::memcpy(&content_length, data + 24, 8);
  }
  std::string text(Slice slice) const {
    return {reinterpret_cast<const char*>(data) + slice.offset, slice.length};
  }
  Slice slot(Slot slot) const {
    Slice slice;
    std::memcpy(&slice, data + 32 + 8 * static_cast<std::size_t>(slot), 8);
    return slice;
  }
  FieldSlice field(std::size_t index) const {
    FieldSlice field;
    std::memcpy(&field, data + fields_offset + 16 * index, 16);
    return field;
  }
  const std::byte* data;
  std::uint32_t size = 0;
  std::uint32_t field_count = 0;
  std::uint32_t fields_offset = 0;
  std::int64_t content_length = 0;
};

std::uint32_t generation(const void* block) {
  return static_cast<const RequestHeader*>(block)->generation.load(std::memory_order_acquire);
}

}  // namespace

TEST_CASE("RequestBlock: an empty request is a header without slots and fields") {
  BlockPool pool;
  RequestBlock block(pool);
  CHECK(block.empty());
  REQUIRE(block.begin());
  REQUIRE(block.seal());
  const Reader reader(block);
  CHECK(reader.size == sizeof(RequestHeader));
  CHECK(reader.size == block.size_bytes());
  CHECK(reader.field_count == 0);
  CHECK(reader.content_length == -1);
  CHECK(block.flags() == 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(Slot::kCount); ++i)
    CHECK(!block.has(static_cast<Slot>(i)));
  CHECK(block.find("Host") == nullptr);
}

TEST_CASE("RequestBlock: slots, fields, flags and length are read by their layout as they were set") {
  BlockPool pool;
  RequestBlock block(pool);
  REQUIRE(block.begin());
  block.set(Slot::kMethod, "GET");
  block.set(Slot::kQueryString, "");
  block.set(Slot::kGatewayRole, "Responder");
  block.add_field(block.append("Host"), block.append("x"));
  block.add_field(block.append("X-Empty"), block.append(""));
  block.add_field(block.append("HOST"), block.append("y"));
  block.set_flags(kRequestHead);
  block.set_flags(kRequestIsLocal);
  block.set_content_length(1'000'000'000'000);
  REQUIRE(block.seal());
  const Reader reader(block);
  CHECK(reader.text(reader.slot(Slot::kMethod)) == "GET");
  CHECK(reader.text(reader.slot(Slot::kGatewayRole)) == "Responder");
  // An empty value is there; an absent one is not.
  CHECK(block.has(Slot::kQueryString));
  CHECK(reader.slot(Slot::kQueryString).length == 0);
  CHECK(reader.slot(Slot::kPath).offset == 0);
  CHECK(reader.content_length == 1'000'000'000'000);
  CHECK(block.flags() == (kRequestHead | kRequestIsLocal));
  REQUIRE(reader.field_count == 3);
  CHECK(reader.fields_offset % alignof(FieldSlice) == 0);
  CHECK(reader.text(reader.field(0).name) == "Host");
  CHECK(reader.text(reader.field(1).name) == "X-Empty");
  CHECK(reader.text(reader.field(1).value).empty());
  CHECK(reader.text(reader.field(2).value) == "y");
  CHECK(reader.size == reader.fields_offset + 3 * sizeof(FieldSlice));
  REQUIRE(block.find("hOsT"));
  CHECK(block.view(block.find("hOsT")->value) == "x");
  CHECK(block.find("Hos") == nullptr);
}

TEST_CASE("RequestBlock: it grows at every boundary of its memory and stays the same") {
  BlockPool pool;
  for (std::size_t length = 4096 - sizeof(RequestHeader) - 40; length <= 4096 - sizeof(RequestHeader) + 2;
       ++length) {
    RequestBlock block(pool);
    REQUIRE(block.begin());
    block.set(Slot::kPath, std::string(length, 'p'));
    block.add_field(block.append("N"), block.append("v"));
    REQUIRE(block.seal());
    const Reader reader(block);
    CHECK(reader.size <= block.capacity_bytes());
    CHECK(reader.text(reader.slot(Slot::kPath)) == std::string(length, 'p'));
    CHECK(reader.text(reader.field(0).name) == "N");
    CHECK(reader.text(reader.field(0).value) == "v");
    block.close();
  }
  RequestBlock block(pool);
  REQUIRE(block.begin());
  std::string all;
  Slice first;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 300), static_cast<char>('a' + i % 26));
    const Slice slice = block.append(piece);
    if (i == 0) first = slice;
    all += piece;
  }
  CHECK(block.view({first.offset, static_cast<std::uint32_t>(all.size())}) == all);
  block.close();
}

TEST_CASE("RequestBlock: begin with an expected size takes that room at once") {
  BlockPool pool;
  RequestBlock block(pool);
  REQUIRE(block.begin(100'000));
  const void* const data = block.data();
  block.append(std::string(100'000, 'x'));
  CHECK(block.data() == data);
  block.close();
}

TEST_CASE("RequestBlock: shrink gives back the end of the last slice") {
  BlockPool pool;
  RequestBlock block(pool);
  REQUIRE(block.begin());
  Slice slice = block.append_space(10);
  std::memcpy(block.mutable_bytes(slice), "abcdefghij", 10);
  block.shrink(slice, 3);
  const Slice next = block.append("xyz");
  CHECK(next.offset == slice.offset + 3);
  CHECK(block.view(slice) == "abc");
  CHECK(block.view(next) == "xyz");
  block.shrink(slice = next, 0);
  CHECK(block.append("1").offset == next.offset);
}

TEST_CASE("RequestBlock: what is too large fails the block for good, and the next request is as ever") {
  BlockPool pool;
  RequestBlock block(pool);
  REQUIRE(block.begin());
  block.set(Slot::kMethod, "GET");
  const Slice slice = block.append_space(std::size_t{1} << 31);
  CHECK(slice.offset == 0);
  CHECK(slice.length == 0);
  CHECK(block.failed());
  CHECK(block.append("x").offset == 0);
  CHECK(!block.seal());
  CHECK(block.get(Slot::kMethod) == "GET");
  block.close();
  REQUIRE(block.begin());
  CHECK(!block.failed());
  CHECK(block.append("x").length == 1);
  CHECK(block.seal());
}

TEST_CASE("RequestBlock: closing advances the generation, whether the memory stays or goes") {
  BlockPool pool;
  RequestBlock block(pool);
  for (const std::size_t extra : {std::size_t{0}, std::size_t{10'000}}) {
    REQUIRE(block.begin());
    block.append(std::string(extra, 'x'));
    REQUIRE(block.seal());
    const void* const data = block.data();
    const std::uint32_t before = generation(data);
    block.close();
    CHECK(generation(data) != before);
    const std::uint32_t after = generation(data);
    block.close();
    REQUIRE(block.begin());
    REQUIRE(block.seal());
    block.close();
    if (extra == 0) CHECK(generation(data) != before);
    if (extra != 0) CHECK(generation(data) == after);
  }
}

TEST_CASE("RequestBlock: nothing of one request is left in the next") {
  BlockPool pool;
  RequestBlock block(pool);
  REQUIRE(block.begin());
  block.set(Slot::kRemoteUser, "alice");
  block.add_field(block.append("Cookie"), block.append("secret"));
  block.set_flags(kRequestIsLocal);
  block.set_content_length(5);
  REQUIRE(block.seal());
  block.close();
  REQUIRE(block.begin());
  REQUIRE(block.seal());
  CHECK(!block.has(Slot::kRemoteUser));
  CHECK(block.find("Cookie") == nullptr);
  CHECK(block.flags() == 0);
  CHECK(block.content_length() == -1);
}

TEST_CASE(
    "RequestBlock: while a block grows into used memory, a late reader there never sees another generation") {
  BlockPool pool;
  RequestBlock small(pool);
  REQUIRE(small.begin());
  // 16 KiB of memory with a history: three requests have been served from it.
  const void* memory = nullptr;
  for (int i = 0; i < 3; ++i) {
    RequestBlock former(pool);
    REQUIRE(former.begin(9000));
    memory = former.data();
    former.close();
  }
  const std::uint32_t over = generation(memory);
  CHECK(over == 3);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::atomic<int> looks{0};
  std::thread late([&] {
    do {
      if (generation(memory) < over) ++wrong;
      ++looks;
    } while (!done);
  });
  while (looks == 0) std::this_thread::yield();
  for (int i = 0; i < 5000; ++i) {
    // Nearly full before it grows, so that there is something to copy.
    small.append(std::string(3900, 'x'));
    small.append(std::string(4000, 'x'));
    if (small.data() != memory) ++wrong;
    small.close();
    REQUIRE(small.begin());
  }
  done = true;
  late.join();
  CHECK(wrong == 0);
  CHECK(generation(memory) == over + 5000);
}

TEST_CASE("equals_ignore_case: ASCII letters of either case, and nothing else [RFC 9110 5.1]") {
  CHECK(equals_ignore_case("", ""));
  CHECK(equals_ignore_case("Content-LENGTH", "content-length"));
  CHECK(!equals_ignore_case("a", "ab"));
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const char x = static_cast<char>(a);
      const char y = static_cast<char>(b);
      const bool letters = ((a | 32) >= 'a' && (a | 32) <= 'z');
      const bool expected = a == b || (letters && a < 128 && (a ^ b) == 32);
      if (equals_ignore_case({&x, 1}, {&y, 1}) != expected) FAIL(a << " " << b);
    }
}
