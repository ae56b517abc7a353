#include "server/io/allow_list.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace owind::io {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr Bytes kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw std::invalid_argument(
      std::string("\"")
          .append(text)
          .append("\" is not a network: ")
          .append(why)
          .append("\n  Expected ADDRESS or ADDRESS/BITS; for example 10.1.2.3, 10.0.0.0/8, "
                  "2001:db8::/32"));
}

bool same_prefix(const Bytes& left, const Bytes& right, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (std::memcmp(left.data(), right.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

bool is_mapped(const Bytes& bytes) noexcept { return same_prefix(bytes, kMappedPrefix, kMappedBits); }

Bytes map_v4(const void* address) noexcept {
  Bytes bytes = kMappedPrefix;
  std::memcpy(bytes.data() + 12, address, 4);
  return bytes;
}

/// Either family; IPv4 comes back mapped. `was_v4` says how it was written.
bool read_address(std::string_view text, Bytes& bytes, bool& was_v4) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return false;
  in_addr v4{};
  was_v4 = inet_pton(AF_INET, terminated.c_str(), &v4) == 1;
  if (was_v4) {
    bytes = map_v4(&v4);
    return true;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, terminated.c_str(), &v6) != 1) return false;
  std::memcpy(bytes.data(), &v6, bytes.size());
  return true;
}

bool has_bits_behind(const Bytes& bytes, unsigned bits) {
  for (unsigned bit = bits; bit < 128; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8)) & 1) return true;
  }
  return false;
}

}  // namespace

void AllowList::add(std::string_view text) {
  const auto slash = text.find('/');
  Network network;
  bool was_v4 = false;
  if (!read_address(text.substr(0, slash), network.bytes, was_v4)) {
    refuse(text, "what stands before the bits is not a numeric IPv4 or IPv6 address");
  }
  const unsigned width = was_v4 ? 32 : 128;
  unsigned bits = width;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || bits > width) {
      refuse(text, "after the slash comes a number from 0 to " + std::to_string(width));
    }
  }
  network.bits = was_v4 ? bits + kMappedBits : bits;
  network.v4 = network.bits >= kMappedBits && is_mapped(network.bytes);
  if (has_bits_behind(network.bytes, network.bits)) {
    refuse(text, "the address has bits set behind the first " + std::to_string(bits));
  }
  networks_.push_back(network);
}

AllowList AllowList::from_web_server_addresses(std::string_view text, std::vector<std::string>& refused) {
  AllowList list;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view entry = text.substr(0, comma);
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    Bytes bytes;
    bool was_v4 = false;
    if (read_address(entry, bytes, was_v4))
      list.add(entry);
    else if (!entry.empty())
      refused.emplace_back(entry);
    if (comma == text.size()) return list;
    text.remove_prefix(comma + 1);
  }
}

bool AllowList::contains(const Bytes& bytes) const noexcept {
  const bool v4 = is_mapped(bytes);
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return network.v4 == v4 && same_prefix(network.bytes, bytes, network.bits);
  });
}

bool AllowList::contains(const sockaddr* address, socklen_t length) const noexcept {
  if (address == nullptr || length < static_cast<socklen_t>(sizeof(sa_family_t))) return false;
  if (address->sa_family == AF_INET && length >= static_cast<socklen_t>(sizeof(sockaddr_in))) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return contains(map_v4(&v4.sin_addr));
  }
  if (address->sa_family == AF_INET6 && length >= static_cast<socklen_t>(sizeof(sockaddr_in6))) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    Bytes bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return contains(bytes);
  }
  return false;
}

bool AllowList::contains(std::string_view address) const {
  Bytes bytes{};
  bool was_v4 = false;
  return read_address(address, bytes, was_v4) && contains(bytes);
}

std::vector<std::string> AllowList::to_strings() const {
  std::vector<std::string> texts;
  for (const Network& network : networks_) {
    char out[INET6_ADDRSTRLEN];
    if (network.v4) {
      inet_ntop(AF_INET, network.bytes.data() + 12, out, sizeof out);
    } else {
      inet_ntop(AF_INET6, network.bytes.data(), out, sizeof out);
    }
    texts.push_back(std::string(out) + "/" +
                    std::to_string(network.v4 ? network.bits - kMappedBits : network.bits));
  }
  return texts;
}

}  // namespace owind::io
