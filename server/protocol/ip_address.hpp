// IP addresses as text, compared by value (RFC 4291 §2.2). No names, no ports, no zones.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace owind::protocol {

/// An IPv4 address is its IPv4-mapped form, so that ::ffff:127.0.0.1 and 127.0.0.1 are equal.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// The address that `text` is; nothing when it is anything else (brackets, a zone, a port, a socket's path,
/// leading zeros).
[[nodiscard]] std::optional<IpAddress> parse_ip_address(std::string_view text) noexcept;

/// 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(const IpAddress& address) noexcept;

/// A range of addresses. An IPv6 network, ::/0 too, contains no IPv4 address.
struct IpNetwork {
  IpAddress address;
  unsigned bits = 128;  ///< Of the mapped form for IPv4: 96 and more.

  [[nodiscard]] bool contains(const IpAddress& other) const noexcept;
  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;
};

/// `ADDRESS` or `ADDRESS/BITS`; nothing when it is neither. Bits behind the first BITS do not count.
[[nodiscard]] std::optional<IpNetwork> parse_ip_network(std::string_view text) noexcept;

}  // namespace owind::protocol
