// The two parts of a request target that matter to an application (RFC 9112 §3.2).
#pragma once

#include <optional>
#include <string_view>

namespace owind::protocol {

/// Views into the target that was given; still encoded.
struct RequestTarget {
  std::string_view path;                  ///< Begins with '/', or is empty: the root.
  std::optional<std::string_view> query;  ///< What stands behind the first `?`; nothing when there is none.
};

/// Takes origin-form, absolute-form (of which scheme and authority are not looked at) and `*`; a fragment,
/// which no client should send, is dropped. Nothing for anything else: an authority alone, a path without its
/// slash, an empty text.
[[nodiscard]] std::optional<RequestTarget> split_request_target(std::string_view target) noexcept;

}  // namespace owind::protocol
