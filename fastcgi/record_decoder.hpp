// Turns the bytes of one FastCGI connection into record events (FastCGI 1.0 §3.3).
// Knows nothing of requests (connection_state.hpp) and does no IO. Content is handed out as views into the
// caller's buffer as it arrives: a record is never gathered. Padding is skipped. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fastcgi/error.hpp"
#include "fastcgi/record.hpp"

namespace owind::fastcgi {

class RecordDecoder {
 public:
  struct Event {
    enum class Kind : std::uint8_t {
      kNeedMore,  ///< all of the input is consumed
      kHeader,    ///< a record begins: header()
      kContent,   ///< a piece of its content, never empty
      kEnd,       ///< its content is complete; padding may still follow
      kError,     ///< not FastCGI 1
    };
    Kind kind = Kind::kNeedMore;
    Errc error = Errc::kNone;
    std::span<const std::byte> content;
  };

  struct Fed {
    std::size_t consumed = 0;
    Event event;
  };

  /// Consumes bytes from `input` up to the next event. Call again with the rest, also when that is empty,
  /// until kNeedMore. Content points into `input`. After kError the decoder stays failed: close the
  /// connection.
  [[nodiscard]] Fed next(std::span<const std::byte> input) noexcept;

  /// The part of `input` that is content of the current record; empty before a header and in padding.
  /// For a caller that takes content in smaller pieces than it arrives, with skip_content().
  [[nodiscard]] std::span<const std::byte> content(std::span<const std::byte> input) const noexcept {
    if (phase_ != Phase::kContent) return {};
    return input.first(std::min<std::size_t>(content_left_, input.size()));
  }

  /// Counts `size` bytes of content(input) as consumed. At most its size.
  void skip_content(std::size_t size) noexcept {
    assert(phase_ == Phase::kContent && size <= content_left_);
    content_left_ = static_cast<std::uint16_t>(content_left_ - size);
  }

  /// The current record, from kHeader until the next call after kEnd.
  [[nodiscard]] const RecordHeader& header() const noexcept { return header_; }

  /// Inside a header, content or padding: an end of the connection here cuts a record.
  [[nodiscard]] bool mid_record() const noexcept { return phase_ != Phase::kHeader || gathered_size_ != 0; }

 private:
  enum class Phase : std::uint8_t { kHeader, kContent, kPadding, kFailed };

  [[nodiscard]] bool gather_header(std::span<const std::byte> input, std::size_t& consumed) noexcept;

  RecordHeader header_;
  Phase phase_ = Phase::kHeader;
  std::uint8_t gathered_size_ = 0;
  std::uint8_t padding_left_ = 0;
  std::uint16_t content_left_ = 0;
  std::array<std::byte, kHeaderSize> gathered_{};
};

}  // namespace owind::fastcgi
