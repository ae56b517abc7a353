// The path of a request target, decoded once (RFC 3986 §2.1, §5.2.4; OWIN 1.0.1 §5.5). Works on bytes in the
// caller's memory; knows nothing of requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/protocol/path_options.hpp"

namespace owind::protocol {

/// Why a path cannot be served; each is a 400.
enum class PathError : std::uint8_t {
  kNone,
  kNul,           ///< A NUL byte, encoded or not.
  kEncodedSlash,  ///< An encoded slash under EncodedSlash::kReject.
};

struct DecodedPath {
  PathError error = PathError::kNone;
  std::size_t length = 0;  ///< Bytes written; never more than were read.
};

/// Decodes `raw` into `to`, which has room for raw.size() bytes and may be raw.data(). An escape that is
/// malformed, or part of a sequence that is not UTF-8 (overlong, a surrogate, above U+10FFFF, cut short),
/// stays as it stands, so that nothing is lost and nothing new appears; so do bytes that were not encoded.
/// Nothing is decoded twice.
[[nodiscard]] DecodedPath decode_path(std::string_view raw, EncodedSlash slash, char* to) noexcept;

/// Removes `.` and `..` segments in place, never above the root; slashes are not merged. `path` is empty or
/// starts with '/'. Returns the new length, which is 0 only when `length` is.
[[nodiscard]] std::size_t remove_dot_segments(char* path, std::size_t length) noexcept;

/// Neither function would change `path`: the usual case, in which it need not be copied.
[[nodiscard]] bool is_plain_path(std::string_view path) noexcept;

/// How many bytes of `path` are the base `base` (which starts with '/' and does not end with one, or is
/// empty): whole segments, ASCII letters of either case. base.size(), or 0 when it does not match.
[[nodiscard]] std::size_t match_path_base(std::string_view path, std::string_view base) noexcept;

}  // namespace owind::protocol
