// The two lengths in front of a name-value pair (FastCGI 1.0 §3.4): each one byte up to 127, or four bytes
// with the top bit set. The long form is accepted for short lengths too; only encoders must not use it so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace owind::fastcgi {

struct NameValueLengths {
  std::uint32_t name = 0;
  std::uint32_t value = 0;

  /// Reads both lengths from the front of `bytes`.
  /// @return the bytes that they take (2 to 8), or 0 when there are too few.
  [[nodiscard]] std::size_t read(std::span<const std::byte> bytes) noexcept {
    // Both short, which nearly all are.
    if (bytes.size() >= 2 && ((bytes[0] | bytes[1]) & std::byte{0x80}) == std::byte{0}) {
      name = std::to_integer<std::uint32_t>(bytes[0]);
      value = std::to_integer<std::uint32_t>(bytes[1]);
      return 2;
    }
    const std::size_t name_size = read_one(bytes, name);
    if (name_size == 0) return 0;
    const std::size_t value_size = read_one(bytes.subspan(name_size), value);
    return value_size == 0 ? 0 : name_size + value_size;
  }

 private:
  [[nodiscard]] static std::size_t read_one(std::span<const std::byte> bytes,
                                            std::uint32_t& length) noexcept {
    if (bytes.empty()) return 0;
    const auto first = std::to_integer<std::uint32_t>(bytes[0]);
    if (first < 0x80) {
      length = first;
      return 1;
    }
    if (bytes.size() < 4) return 0;
    length = (first & 0x7f) << 24 | std::to_integer<std::uint32_t>(bytes[1]) << 16 |
             std::to_integer<std::uint32_t>(bytes[2]) << 8 | std::to_integer<std::uint32_t>(bytes[3]);
    return 4;
  }
};

/// Gathers lengths that are cut by the end of a fragment, a byte at a time.
class NameValueLengthGatherer {
 public:
  /// @return the bytes of the complete prefix (2 to 8) and `lengths` filled, or 0: one more byte, please.
  [[nodiscard]] std::size_t take(std::byte byte, NameValueLengths& lengths) noexcept {
    bytes_[size_++] = byte;
    const std::size_t complete = lengths.read(std::span(bytes_).first(size_));
    if (complete != 0) size_ = 0;
    return complete;
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  void reset() noexcept { size_ = 0; }

 private:
  std::array<std::byte, 8> bytes_{};
  std::uint8_t size_ = 0;
};

}  // namespace owind::fastcgi
