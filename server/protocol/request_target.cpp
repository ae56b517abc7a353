#include "server/protocol/request_target.hpp"

#include <algorithm>
#include <cstddef>

namespace owind::protocol {
namespace {

/// RFC 3986 §3.1, but for what the first letter may be.
bool is_scheme(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
}

}  // namespace

std::optional<RequestTarget> split_request_target(std::string_view target) noexcept {
  target = target.substr(0, target.find('#'));
  if (target.empty()) return std::nullopt;
  if (target == "*") return RequestTarget{};
  if (target.front() != '/') {
    const std::size_t colon = target.find("://");
    if (colon == std::string_view::npos || !is_scheme(target.substr(0, colon))) return std::nullopt;
    target.remove_prefix(std::min(target.find_first_of("/?", colon + 3), target.size()));
  }
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return RequestTarget{target, std::nullopt};
  return RequestTarget{target.substr(0, mark), target.substr(mark + 1)};
}

}  // namespace owind::protocol
