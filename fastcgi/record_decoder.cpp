// The record decoder: header, content, padding, and again.
#include "fastcgi/record_decoder.hpp"

#include <algorithm>

namespace owind::fastcgi {

RecordDecoder::Fed RecordDecoder::next(std::span<const std::byte> input) noexcept {
  using Kind = Event::Kind;
  std::size_t consumed = 0;
  for (;;) {
    switch (phase_) {
      case Phase::kHeader:
        if (consumed == input.size()) return {consumed, {}};
        // The first byte is judged alone: a peer that speaks something else may never send eight.
        if (gathered_size_ == 0 && input[consumed] != std::byte{kVersion}) {
          phase_ = Phase::kFailed;
          continue;
        }
        if (!gather_header(input, consumed)) return {consumed, {}};
        content_left_ = header_.content_length;
        padding_left_ = header_.padding_length;
        phase_ = Phase::kContent;
        return {consumed, {.kind = Kind::kHeader, .content = {}}};

      case Phase::kContent: {
        if (content_left_ == 0) {
          phase_ = padding_left_ == 0 ? Phase::kHeader : Phase::kPadding;
          return {consumed, {.kind = Kind::kEnd, .content = {}}};
        }
        const auto fragment = content(input.subspan(consumed));
        if (fragment.empty()) return {consumed, {}};
        content_left_ = static_cast<std::uint16_t>(content_left_ - fragment.size());
        return {consumed + fragment.size(), {.kind = Kind::kContent, .content = fragment}};
      }

      case Phase::kPadding: {
        const auto size = std::min<std::size_t>(padding_left_, input.size() - consumed);
        consumed += size;
        padding_left_ = static_cast<std::uint8_t>(padding_left_ - size);
        if (padding_left_ != 0) return {consumed, {}};
        phase_ = Phase::kHeader;
        continue;
      }

      case Phase::kFailed:
        return {consumed, {.kind = Kind::kError, .error = Errc::kBadVersion, .content = {}}};
    }
  }
}

bool RecordDecoder::gather_header(std::span<const std::byte> input, std::size_t& consumed) noexcept {
  const auto rest = input.subspan(consumed);
  if (gathered_size_ == 0 && rest.size() >= kHeaderSize) {
    header_ = decode_header(rest.first<kHeaderSize>());
    consumed += kHeaderSize;
    return true;
  }
  const auto size = std::min(kHeaderSize - gathered_size_, rest.size());
  std::copy_n(rest.begin(), size, gathered_.begin() + gathered_size_);
  consumed += size;
  gathered_size_ = static_cast<std::uint8_t>(gathered_size_ + size);
  if (gathered_size_ < kHeaderSize) return false;
  gathered_size_ = 0;
  header_ = decode_header(gathered_);
  return true;
}

}  // namespace owind::fastcgi
