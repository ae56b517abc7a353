// The FastCGI record: constants and the eight header bytes (FastCGI 1.0 §3.3, §8).
// Says what stands on the wire, nothing about what may follow what (connection_state.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace owind::fastcgi {

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::size_t kHeaderSize = 8;
/// The id of management records; every other id belongs to a request (FastCGI 1.0 §3.3).
inline constexpr std::uint16_t kManagementId = 0;
/// Bytes of content in BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE.
inline constexpr std::size_t kBodySize = 8;
inline constexpr std::uint8_t kKeepConnection = 1;

/// A value that is not listed is legal on the wire: it is an unknown type.
enum class RecordType : std::uint8_t {
  kBeginRequest = 1,
  kAbortRequest = 2,
  kEndRequest = 3,
  kParams = 4,
  kStdin = 5,
  kStdout = 6,
  kStderr = 7,
  kData = 8,
  kGetValues = 9,
  kGetValuesResult = 10,
  kUnknownType = 11,
};

enum class Role : std::uint16_t { kResponder = 1, kAuthorizer = 2, kFilter = 3 };

enum class ProtocolStatus : std::uint8_t {
  kRequestComplete = 0,
  kCantMultiplex = 1,
  kOverloaded = 2,
  kUnknownRole = 3,
};

/// The header without its reserved byte. Content and padding stay two numbers: their sum does not fit 16
/// bits.
struct RecordHeader {
  std::uint8_t version = kVersion;
  RecordType type{};
  std::uint16_t request_id = 0;
  std::uint16_t content_length = 0;
  std::uint8_t padding_length = 0;

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

/// Two bytes, big-endian.
[[nodiscard]] constexpr std::uint16_t read_u16(const std::byte* bytes) noexcept {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) << 8 |
                                    std::to_integer<unsigned>(bytes[1]));
}

/// Does not judge: any version and type come back as they stand.
[[nodiscard]] constexpr RecordHeader decode_header(std::span<const std::byte, kHeaderSize> bytes) noexcept {
  return {.version = std::to_integer<std::uint8_t>(bytes[0]),
          .type = static_cast<RecordType>(bytes[1]),
          .request_id = read_u16(&bytes[2]),
          .content_length = read_u16(&bytes[4]),
          .padding_length = std::to_integer<std::uint8_t>(bytes[6])};
}

/// The reserved byte is zero.
[[nodiscard]] constexpr std::array<std::byte, kHeaderSize> encode_header(
    const RecordHeader& header) noexcept {
  return {std::byte{header.version},
          static_cast<std::byte>(header.type),
          static_cast<std::byte>(header.request_id >> 8),
          static_cast<std::byte>(header.request_id & 0xff),
          static_cast<std::byte>(header.content_length >> 8),
          static_cast<std::byte>(header.content_length & 0xff),
          std::byte{header.padding_length},
          std::byte{0}};
}

}  // namespace owind::fastcgi
