// Memory for request blocks: sizes, reuse, and what stays of a block that waits.
#include "middleware/block.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

using namespace owind::middleware;

namespace {

struct Discarded {
  void* start;
  std::size_t length;
};
std::vector<Discarded> discarded;

}  // namespace

TEST_CASE("BlockPool: a block is the next power of two from the smallest on") {
  BlockPool pool;
  for (const auto& [asked, given] :
       std::vector<std::pair<std::size_t, std::size_t>>{{0, 4096},
                                                        {1, 4096},
                                                        {4095, 4096},
                                                        {4096, 4096},
                                                        {4097, 8192},
                                                        {8192, 8192},
                                                        {8193, 16384},
                                                        {(1u << 20) - 1, 1u << 20},
                                                        {1u << 20, 1u << 20},
                                                        {(1u << 20) + 1, 1u << 21}}) {
    const Block block = pool.take(asked);
    REQUIRE(block);
    CHECK(block.capacity_bytes() == given);
    CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % BlockPool::kPageBytes == 0);
  }
}

TEST_CASE("BlockPool: new memory is zeroed, and writable to its end") {
  BlockPool pool;
  const Block block = pool.take(10'000);
  for (std::size_t i = 0; i < block.capacity_bytes(); ++i) REQUIRE(block.data()[i] == std::byte{0});
  std::memset(block.data(), 1, block.capacity_bytes());
}

TEST_CASE("BlockPool: a returned block is used again for its size, and keeps its first 8 bytes") {
  BlockPool pool;
  std::byte* first = nullptr;
  {
    const Block block = pool.take(100);
    first = block.data();
    std::memcpy(first, "generati", 8);
  }
  CHECK(pool.allocated_bytes() == 4096);
  const Block larger = pool.take(5000);
  CHECK(larger.data() != first);
  const Block again = pool.take(4096);
  CHECK(again.data() == first);
  CHECK(std::memcmp(first, "generati", 8) == 0);
  CHECK(pool.allocated_bytes() == 4096 + 8192);
}

TEST_CASE(
    "BlockPool: a block that is moved from holds nothing, and one that is assigned to gives its own back") {
  BlockPool pool;
  Block a = pool.take(1);
  std::byte* const data = a.data();
  Block b = std::move(a);
  CHECK(b.data() == data);
  CHECK(!a);
  Block c = pool.take(1);
  std::byte* const other = c.data();
  c = std::move(b);
  CHECK(c.data() == data);
  CHECK(pool.take(1).data() == other);
  Block& same = c;
  c = std::move(same);
  CHECK(c.data() == data);
  c = Block();
  CHECK(!c);
  CHECK(pool.take(1).data() == data);
  CHECK(pool.allocated_bytes() == 2 * 4096);
}

TEST_CASE("BlockPool: large blocks are discarded while they wait, all but the page with the generation") {
  discarded.clear();
  BlockPool pool([](void* start, std::size_t length) { discarded.push_back({start, length}); });
  { const Block small = pool.take(BlockPool::kDiscardFromBytes - 1 - 32 * 1024); }
  CHECK(discarded.empty());
  std::byte* data = nullptr;
  {
    const Block large = pool.take(BlockPool::kDiscardFromBytes);
    data = large.data();
    CHECK(discarded.empty());
  }
  REQUIRE(discarded.size() == 1);
  CHECK(discarded[0].start == data + BlockPool::kPageBytes);
  CHECK(discarded[0].length == BlockPool::kDiscardFromBytes - BlockPool::kPageBytes);
}

TEST_CASE("BlockPool: what cannot be had is an empty block, and the pool goes on") {
  BlockPool pool;
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  for (const std::size_t bytes :
       {BlockPool::kLargestBytes + 1, std::size_t{1} << 62, kMax / 2 + 1, kMax / 2 + 2, kMax})
    CHECK(!pool.take(bytes));
  CHECK(pool.allocated_bytes() == 0);
  CHECK(pool.take(1));
}
