// Formats the head of a CGI response (RFC 3875 §6.3): `Location` if there is one, `Status`, the other fields,
// an empty line, all with CR LF. The status line is always written, with a reason: without it front ends
// guess, some 200 even for a redirect. The head is formatted, not judged: whoever calls has kept CR, LF and
// NUL out of names, values and reason and has dropped what the protocol cannot carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace owind::fastcgi {

struct CgiField {
  std::string_view name;
  std::string_view value;
};

struct CgiHead {
  std::uint16_t status = 200;        ///< 100 to 999
  std::string_view reason;           ///< empty: that of RFC 9110
  std::span<const CgiField> fields;  ///< in this order; Status is left out, ours is the one
};

/// The bytes that append_cgi_head() writes, to hold against the front end's buffer beforehand.
[[nodiscard]] std::size_t cgi_head_size(const CgiHead& head) noexcept;

/// Appends the head. May throw std::bad_alloc, and then has appended nothing.
void append_cgi_head(std::vector<std::byte>& out, const CgiHead& head);

}  // namespace owind::fastcgi
