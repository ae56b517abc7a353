#include "server/protocol/ip_address.hpp"

#include <algorithm>
#include <cstddef>

namespace owind::protocol {
namespace {

/// Four decimal numbers without leading zeros, which others read as octal.
bool parse_v4(std::string_view text, std::uint8_t* to) noexcept {
  std::size_t at = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0 && (at == text.size() || text[at++] != '.')) return false;
    const std::size_t start = at;
    int value = 0;
    while (at < text.size() && at - start < 3 && text[at] >= '0' && text[at] <= '9')
      value = value * 10 + (text[at++] - '0');
    if (at == start || value > 255 || (text[start] == '0' && at - start > 1)) return false;
    to[i] = static_cast<std::uint8_t>(value);
  }
  return at == text.size();
}

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_v6(std::string_view text, std::array<std::uint8_t, 16>& to) noexcept {
  std::size_t used = 0;
  std::optional<std::size_t> gap;  // where `::` stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (group.find('.') != std::string_view::npos) {
      if (end != text.size() || used > 12 || !parse_v4(group, to.data() + used)) return false;
      used += 4;
      break;
    }
    if (group.empty() || group.size() > 4 || used == 16) return false;
    int value = 0;
    for (const char c : group) {
      const int digit = hex_digit(c);
      if (digit < 0) return false;
      value = value * 16 + digit;
    }
    to[used++] = static_cast<std::uint8_t>(value >> 8);
    to[used++] = static_cast<std::uint8_t>(value & 0xff);
    text.remove_prefix(end);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.empty()) return false;  // a colon at the end
    if (text.front() != ':') continue;
    if (gap) return false;
    gap = used;
    text.remove_prefix(1);
  }
  if (!gap) return used == 16;
  if (used == 16) return false;
  // What follows the gap moves to the end.
  const auto begin = to.begin() + static_cast<std::ptrdiff_t>(*gap);
  const auto end = to.begin() + static_cast<std::ptrdiff_t>(used);
  std::fill(begin, std::copy_backward(begin, end, to.end()), std::uint8_t{0});
  return true;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) noexcept {
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    if (!parse_v6(text, address.bytes)) return std::nullopt;
    return address;
  }
  address.bytes[10] = address.bytes[11] = 0xff;
  if (!parse_v4(text, address.bytes.data() + 12)) return std::nullopt;
  return address;
}

bool is_loopback(const IpAddress& address) noexcept {
  constexpr std::array<std::uint8_t, 13> kMapped127{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
  if (std::equal(kMapped127.begin(), kMapped127.end(), address.bytes.begin())) return true;
  IpAddress one;
  one.bytes[15] = 1;
  return address == one;
}

namespace {

constexpr unsigned kMappedBits = 96;

bool is_v4(const IpAddress& address) {
  IpAddress prefix;
  prefix.bytes[10] = prefix.bytes[11] = 0xff;
  return std::equal(prefix.bytes.begin(), prefix.bytes.begin() + 12, address.bytes.begin());
}

}  // namespace

bool IpNetwork::contains(const IpAddress& other) const noexcept {
  if (is_v4(other) != (bits >= kMappedBits && is_v4(address))) return false;
  const std::size_t whole = bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole), other.bytes.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (address.bytes[whole] ^ other.bytes[whole]) >> (8 - rest) == 0;
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const bool short_form = text.substr(0, slash).find(':') == std::string_view::npos;
  IpNetwork network{*address, 128};
  if (slash == std::string_view::npos) return network;
  unsigned bits = 0;
  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3) return std::nullopt;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    bits = bits * 10 + static_cast<unsigned>(c - '0');
  }
  if (bits > (short_form ? 32u : 128u)) return std::nullopt;
  network.bits = short_form ? bits + kMappedBits : bits;
  return network;
}

}  // namespace owind::protocol
