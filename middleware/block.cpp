#include "middleware/block.hpp"

#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace owind::middleware {

Block::Block(Block&& other) noexcept
    : pool_(other.pool_), data_(std::exchange(other.data_, nullptr)), capacity_(other.capacity_) {}

Block& Block::operator=(Block&& other) noexcept {
  if (this != &other) {
    if (data_) pool_->give_back(data_, capacity_);
    pool_ = other.pool_;
    capacity_ = other.capacity_;
    data_ = std::exchange(other.data_, nullptr);
  }
  return *this;
}

Block::~Block() {
  if (data_) pool_->give_back(data_, capacity_);
}

BlockPool::~BlockPool() {
  for (std::byte* block : all_) ::operator delete (block, std::align_val_t{kPageBytes});
}

std::size_t BlockPool::class_of(std::size_t bytes) {
  if (bytes <= kSmallestBytes) return 0;
  return static_cast<std::size_t>(std::bit_width(bytes - 1) - std::bit_width(kSmallestBytes - 1));
}

Block BlockPool::take(std::size_t bytes) noexcept try {
  if (bytes > kLargestBytes) return {};
  const std::size_t index = class_of(bytes);
  const std::size_t capacity = kSmallestBytes << index;
  if (index >= free_.size()) free_.resize(index + 1);
  if (!free_[index].empty()) {
    std::byte* data = free_[index].back();
    free_[index].pop_back();
    return Block(this, data, capacity);
  }
  all_.reserve(all_.size() + 1);
  free_[index].reserve(all_.size() + 1);  // so that giving back cannot fail
  auto* data = static_cast<std::byte*>(::operator new (capacity, std::align_val_t{kPageBytes}));
  std::memset(data, 0, capacity);
  all_.push_back(data);
  allocated_ += capacity;
  return Block(this, data, capacity);
} catch (const std::bad_alloc&) {
  return {};
}

void BlockPool::give_back(std::byte* data, std::size_t capacity) noexcept {
#ifndef NDEBUG
  // Poisoned, so that a reader without a generation check is seen; the first page keeps size and generation.
  std::memset(data + 8, 0xdd, capacity - 8);
#endif
  // The first page stays: it holds the generation.
  if (discard_ && capacity >= kDiscardFromBytes) discard_(data + kPageBytes, capacity - kPageBytes);
  free_[class_of(capacity)].push_back(data);
}

}  // namespace owind::middleware
