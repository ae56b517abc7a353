// Writes FastCGI 1.0 records: headers and padding around a payload that stays where it is, for one gathered
// write, and the small records whole. Every reserved and padding byte is zero; records end on multiples of
// eight bytes (FastCGI 1.0 §3.3 recommends it). Knows nothing of what may be sent when.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastcgi/record.hpp"

namespace owind::fastcgi {

/// The most content that one record of ours carries: the largest multiple of eight in 16 bits, so a full
/// record needs no padding and no length of ours can wrap. Longer payloads are split.
inline constexpr std::size_t kMaxContent = 65528;

/// Zeros to take padding from.
inline constexpr std::array<std::byte, 8> kZeros{};

/// The padding (0 to 7) behind `content_length` bytes.
[[nodiscard]] constexpr std::uint8_t padding_for(std::size_t content_length) noexcept {
  return static_cast<std::uint8_t>((8 - content_length % 8) % 8);
}

/// What goes around a payload: `header` in front of it, `padding` zeros behind it.
struct Frame {
  std::array<std::byte, kHeaderSize> header;
  std::uint8_t padding;
};

/// Frames a payload of 1 to kMaxContent bytes of a stream. Zero would be the end of the stream: append_end().
[[nodiscard]] constexpr Frame frame(RecordType type, std::uint16_t id, std::size_t content_length) noexcept {
  assert(content_length >= 1 && content_length <= kMaxContent);
  const std::uint8_t padding = padding_for(content_length);
  return {encode_header({.type = type,
                         .request_id = id,
                         .content_length = static_cast<std::uint16_t>(content_length),
                         .padding_length = padding}),
          padding};
}

/// An END_REQUEST record, for a request that has written nothing.
[[nodiscard]] constexpr std::array<std::byte, 16> encode_end_request(
    std::uint16_t id, std::uint32_t app_status, ProtocolStatus protocol_status) noexcept {
  std::array<std::byte, 16> out{};
  const auto header =
      encode_header({.type = RecordType::kEndRequest, .request_id = id, .content_length = kBodySize});
  std::copy(header.begin(), header.end(), out.begin());
  for (std::size_t i = 0; i < 4; ++i) out[8 + i] = static_cast<std::byte>(app_status >> (24 - 8 * i) & 0xff);
  out[12] = static_cast<std::byte>(protocol_status);
  return out;
}

/// The end of a response: an empty STDOUT record, then END_REQUEST.
[[nodiscard]] constexpr std::array<std::byte, 24> encode_end(std::uint16_t id, std::uint32_t app_status,
                                                             ProtocolStatus protocol_status) noexcept {
  std::array<std::byte, 24> out{};
  const auto stdout_end = encode_header({.type = RecordType::kStdout, .request_id = id});
  const auto end = encode_end_request(id, app_status, protocol_status);
  std::copy(end.begin(), end.end(), std::copy(stdout_end.begin(), stdout_end.end(), out.begin()));
  return out;
}

/// A header of version 0, which no front end takes for a record. Sent before closing when a response breaks
/// off after its head: after a bare close nginx would take what it has for the whole response. The connection
/// cannot be used afterwards. Of no known type, and with an id: HAProxy 2.6 does not look at the version; an
/// empty STDOUT would be the end of the response to it, and any STDOUT of id 0 ends the whole process.
[[nodiscard]] constexpr std::array<std::byte, kHeaderSize> encode_failure(std::uint16_t id) noexcept {
  return encode_header({.version = 0, .type = static_cast<RecordType>(0xff), .request_id = id});
}

/// The answer to a management record of a type that is not known (FastCGI 1.0 §4.2).
[[nodiscard]] constexpr std::array<std::byte, 16> encode_unknown_type(RecordType type) noexcept {
  std::array<std::byte, 16> out{};
  const auto header = encode_header({.type = RecordType::kUnknownType, .content_length = kBodySize});
  std::copy(header.begin(), header.end(), out.begin());
  out[8] = static_cast<std::byte>(type);
  return out;
}

// The same, appended to `out`. They may throw std::bad_alloc, nothing else.

inline void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  // Not insert(): GCC 12 at -O3 takes its growth for an overflow (-Wstringop-overflow).
  const std::size_t at = out.size();
  out.resize(at + bytes.size());
  std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}

/// A header as given: content and padding are the caller's to append.
inline void append_header(std::vector<std::byte>& out, RecordType type, std::uint16_t id,
                          std::uint16_t content_length, std::uint8_t padding_length) {
  append(out, encode_header({.type = type,
                             .request_id = id,
                             .content_length = content_length,
                             .padding_length = padding_length}));
}

/// A whole record with its padding; content of 0 to kMaxContent bytes.
inline void append_record(std::vector<std::byte>& out, RecordType type, std::uint16_t id,
                          std::span<const std::byte> content) {
  assert(content.size() <= kMaxContent);
  const std::uint8_t padding = padding_for(content.size());
  append_header(out, type, id, static_cast<std::uint16_t>(content.size()), padding);
  append(out, content);
  append(out, std::span(kZeros).first(padding));
}

inline void append_end(std::vector<std::byte>& out, std::uint16_t id, std::uint32_t app_status,
                       ProtocolStatus protocol_status) {
  append(out, encode_end(id, app_status, protocol_status));
}

inline void append_failure(std::vector<std::byte>& out, std::uint16_t id) { append(out, encode_failure(id)); }

}  // namespace owind::fastcgi
