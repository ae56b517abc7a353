// One request's head as one contiguous, read-only block: slots for what OWIN names, then every field (header)
// as it arrived. Offsets only, so that the block can be read at any address and from managed code; the layout
// is that of owind_request_block in hosting/bridge_abi.h, which checks it.
//
// Lifetime: built by the shard's leader, then read by any thread until the request's application has
// completed. Closing a block advances its generation first: a reader copies a value and *then* compares the
// generation, so a late reader gets nothing, never another visitor's bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "middleware/block.hpp"
#include "middleware/owin_keys.hpp"

namespace owind::middleware {

struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

struct FieldSlice {
  Slice name;
  Slice value;
};

/// The fixed part at the start of a block.
struct RequestHeader {
  std::uint32_t size;
  std::atomic<std::uint32_t> generation;
  std::uint32_t flags;
  std::uint32_t field_count;
  std::uint32_t fields_offset;
  std::uint32_t reserved;
  std::int64_t content_length;  ///< -1: not known.
  Slice slots[static_cast<std::size_t>(Slot::kCount)];
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

/// Bits of RequestHeader::flags; values of OWIND_REQUEST_*.
enum RequestFlags : std::uint32_t {
  kRequestIsLocal = 1,
  kRequestHasNoBody = 2,
  kRequestHead = 4,
  kRequestFastCgi = 8,
  kRequestHttp10 = 16,
};

/// Builds a block and owns it until the request is over. Reused for one request after another; keeps its
/// scratch memory. Leader only, but for the const functions, which any thread may call between seal() and
/// close().
class RequestBlock {
 public:
  explicit RequestBlock(BlockPool& pool) : pool_(pool) {}

  /// Begins a new block with room for about `expected_bytes`. False: no memory.
  [[nodiscard]] bool begin(std::size_t expected_bytes = 0) noexcept;

  /// Appends bytes and says where they are. After a failure (no memory) the slice is empty and failed() is
  /// true. `text` must not be a view of this block, which may move.
  Slice append(std::string_view text) noexcept {
    const Slice slice = append_space(text.size());
    if (slice.length) std::memcpy(mutable_bytes(slice), text.data(), text.size());
    return slice;
  }
  /// Reserves `length` bytes to be written by the caller through mutable_bytes(); shrink() gives back what
  /// was not needed.
  Slice append_space(std::size_t length) noexcept {
    if (!reserve(length)) return {};
    const Slice slice{static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(length)};
    used_ += length;
    return slice;
  }
  char* mutable_bytes(Slice slice) { return reinterpret_cast<char*>(block_.data()) + slice.offset; }
  /// Gives back the tail of the slice that was appended last.
  void shrink(Slice& last, std::uint32_t length) noexcept;

  void set(Slot slot, Slice value) { header().slots[static_cast<std::size_t>(slot)] = value; }
  void set(Slot slot, std::string_view value) { set(slot, append(value)); }
  void set_flags(std::uint32_t flags) { header().flags |= flags; }
  void set_content_length(std::int64_t bytes) { header().content_length = bytes; }

  /// A field in the order of arrival.
  void add_field(Slice name, Slice value);
  std::vector<FieldSlice>& fields() { return fields_; }
  std::span<const FieldSlice> fields() const { return fields_; }

  /// Writes the field table and closes the building. False: no memory.
  [[nodiscard]] bool seal() noexcept;

  /// Advances the generation and gives the memory back. The caller has made sure that no native reader is
  /// left.
  void close() noexcept;

  bool failed() const { return failed_; }
  bool empty() const { return !block_; }

  std::string_view view(Slice slice) const {
    return {reinterpret_cast<const char*>(block_.data()) + slice.offset, slice.length};
  }
  std::string_view get(Slot slot) const { return view(header().slots[static_cast<std::size_t>(slot)]); }
  bool has(Slot slot) const { return header().slots[static_cast<std::size_t>(slot)].offset != 0; }
  std::uint32_t flags() const { return header().flags; }
  std::int64_t content_length() const { return header().content_length; }
  /// The first field of that name (ASCII case-insensitive); null when there is none. Valid before and after
  /// seal().
  const FieldSlice* find(std::string_view name) const;
  const void* data() const { return block_.data(); }
  std::size_t size_bytes() const { return used_; }
  std::size_t capacity_bytes() const { return block_ ? block_.capacity_bytes() : 0; }

 private:
  RequestHeader& header() { return *reinterpret_cast<RequestHeader*>(block_.data()); }
  const RequestHeader& header() const { return *reinterpret_cast<const RequestHeader*>(block_.data()); }
  /// Makes room for `more` bytes behind used_. False: no memory, now or before.
  bool reserve(std::size_t more) noexcept {
    return !failed_ && (more <= block_.capacity_bytes() - used_ || grow(more));
  }
  bool grow(std::size_t more) noexcept;

  BlockPool& pool_;
  Block block_;
  std::size_t used_ = 0;
  bool failed_ = false;
  std::vector<FieldSlice> fields_;
};

/// ASCII case-insensitive equality, as field names are compared (RFC 9110 §5.1).
bool equals_ignore_case(std::string_view a, std::string_view b);

}  // namespace owind::middleware
