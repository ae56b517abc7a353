#include "middleware/request_block.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>

namespace owind::middleware {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

bool RequestBlock::begin(std::size_t expected_bytes) noexcept {
  fields_.clear();
  failed_ = false;
  if (!block_ || block_.capacity_bytes() < expected_bytes) {
    block_ = Block();
    block_ = pool_.take(sizeof(RequestHeader) + expected_bytes);
  }
  if (!block_) {
    failed_ = true;
    return false;
  }
  auto& head = header();
  head.size = 0;
  head.flags = 0;
  head.field_count = 0;
  head.fields_offset = 0;
  head.reserved = 0;
  head.content_length = -1;
  std::fill(std::begin(head.slots), std::end(head.slots), Slice{});
  used_ = sizeof(RequestHeader);
  return true;
}

bool RequestBlock::grow(std::size_t more) noexcept {
  if (more > std::numeric_limits<std::uint32_t>::max() / 2 - used_) {
    failed_ = true;
    return false;
  }
  Block larger = pool_.take(used_ + more + used_ / 2);
  if (!larger) {
    failed_ = true;
    return false;
  }
  // The generation belongs to the memory, not to the request: a late reader of the memory's last request must
  // not see another one there, not even for a moment. So it is left out of the copy.
  constexpr std::size_t kAt = offsetof(RequestHeader, generation);
  constexpr std::size_t kBehind = kAt + sizeof(RequestHeader::generation);
  std::memcpy(larger.data(), block_.data(), kAt);
  std::memcpy(larger.data() + kBehind, block_.data() + kBehind, used_ - kBehind);
  block_ = std::move(larger);
  return true;
}

void RequestBlock::shrink(Slice& last, std::uint32_t length) noexcept {
  used_ -= last.length - length;
  last.length = length;
}

void RequestBlock::add_field(Slice name, Slice value) {
  try {
    fields_.push_back({name, value});
  } catch (const std::bad_alloc&) {
    failed_ = true;
  }
}

bool RequestBlock::seal() noexcept {
  const std::size_t aligned = (used_ + alignof(FieldSlice) - 1) & ~(alignof(FieldSlice) - 1);
  const std::size_t table = fields_.size() * sizeof(FieldSlice);
  if (!reserve(aligned - used_ + table)) return false;
  used_ = aligned;
  auto& head = header();
  head.fields_offset = static_cast<std::uint32_t>(used_);
  head.field_count = static_cast<std::uint32_t>(fields_.size());
  if (table) std::memcpy(block_.data() + used_, fields_.data(), table);
  used_ += table;
  head.size = static_cast<std::uint32_t>(used_);
  return true;
}

void RequestBlock::close() noexcept {
  if (!block_) return;
  header().generation.fetch_add(1, std::memory_order_acq_rel);
#ifndef __SANITIZE_THREAD__
  // What the next request writes here must not be seen before the new generation. (ThreadSanitizer knows no
  // fences, and the compiler says so.)
  std::atomic_thread_fence(std::memory_order_release);
#endif
  // Small blocks stay with their slot: the next request there needs one at once. Their content stays unread
  // behind the generation, and is overwritten from the start.
  if (block_.capacity_bytes() > BlockPool::kSmallestBytes) block_ = Block();
  fields_.clear();
  used_ = 0;
}

const FieldSlice* RequestBlock::find(std::string_view name) const {
  for (const auto& field : fields_)
    if (equals_ignore_case(view(field.name), name)) return &field;
  return nullptr;
}

}  // namespace owind::middleware
