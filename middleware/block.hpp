// Memory for request blocks. A block's memory is never given back to the system: managed code may look at the
// generation of a block whose request is over (see request_block.hpp), and must find memory there. Blocks are
// reused, by size class; the pages of large ones are discarded through a hook while they wait. One pool a
// shard; used by its leader only.
#pragma once

#include <cstddef>
#include <vector>

namespace owind::middleware {

class BlockPool;

/// Owns one block; returns it to its pool when destroyed. Movable.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  ~Block();

  std::byte* data() const { return data_; }
  std::size_t capacity_bytes() const { return capacity_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  friend class BlockPool;
  Block(BlockPool* pool, std::byte* data, std::size_t capacity)
      : pool_(pool), data_(data), capacity_(capacity) {}
  BlockPool* pool_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
};

class BlockPool {
 public:
  /// Tells the system that the contents of these pages are not needed (madvise); the address range stays
  /// valid and reads as zero afterwards. May be null.
  using Discard = void (*)(void* start, std::size_t length);

  static constexpr std::size_t kSmallestBytes = 4096;
  /// Classes from here on have their pages discarded while they wait.
  static constexpr std::size_t kDiscardFromBytes = 64 * 1024;
  static constexpr std::size_t kPageBytes = 4096;
  /// Nothing larger is given: offsets into a block have 32 bits.
  static constexpr std::size_t kLargestBytes = std::size_t{1} << 31;

  explicit BlockPool(Discard discard = nullptr) : discard_(discard) {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  /// For tests; a server never destroys its pools.
  ~BlockPool();

  /// A block of at least `bytes` (rounded up to a power of two from kSmallestBytes). New memory is zeroed;
  /// reused memory keeps its first 8 bytes (size and generation of the request block) and is otherwise
  /// whatever it was. An empty block when the memory cannot be had, or `bytes` is above kLargestBytes.
  Block take(std::size_t bytes) noexcept;

  std::size_t allocated_bytes() const { return allocated_; }

 private:
  friend class Block;
  static std::size_t class_of(std::size_t bytes);
  void give_back(std::byte* data, std::size_t capacity) noexcept;

  Discard discard_;
  std::vector<std::vector<std::byte*>> free_;
  std::vector<std::byte*> all_;
  std::size_t allocated_ = 0;
};

}  // namespace owind::middleware
