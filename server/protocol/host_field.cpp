#include "server/protocol/host_field.hpp"

#include <algorithm>
#include <cstring>

#include "server/protocol/ip_address.hpp"

namespace owind::protocol {
namespace {

using middleware::RequestBlock;
using middleware::Slice;

/// Letters, digits, `-`, `.`, `_`, and what UTF-8 adds; begins with none of `.-`, and is not nginx's `_` for
/// "any".
bool is_host_name(std::string_view name) {
  if (name.empty() || name == "_" || name.front() == '.' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  });
}

std::string_view without_brackets(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' ? text.substr(1, text.size() - 2)
                                                                      : text;
}

bool is_address(std::string_view text) { return parse_ip_address(without_brackets(text)).has_value(); }

bool is_shown_port(std::string_view port, bool https) {
  if (port.empty() || port.size() > 5 || port == "0" || port == (https ? "443" : "80")) return false;
  return std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Slice append_host(RequestBlock& block, const HostSource& source) noexcept {
  Slice host = source.name;
  if (!is_host_name(block.view(host)) && !is_address(block.view(host))) {
    host = source.address;
    if (!is_address(block.view(host))) return block.append("localhost");
  }
  const bool show_port = is_shown_port(block.view(source.port), source.https);
  const bool bracket =
      block.view(host).find(':') != std::string_view::npos && block.view(host).front() != '[';
  // Space first: the block may move while it grows, and the sources with it.
  const Slice field =
      block.append_space(host.length + (bracket ? 2u : 0u) + (show_port ? 1u + source.port.length : 0u));
  if (block.failed()) return {};
  char* to = block.mutable_bytes(field);
  if (bracket) *to++ = '[';
  to = std::copy_n(block.view(host).data(), host.length, to);
  if (bracket) *to++ = ']';
  if (show_port) {
    *to++ = ':';
    std::copy_n(block.view(source.port).data(), source.port.length, to);
  }
  return field;
}

}  // namespace owind::protocol
