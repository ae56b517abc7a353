// The field name that a CGI variable stands for. RFC 3875 §4.1.18 upper-cases names and puts `_` for `-`;
// what was lost is restored as names are usually written: HTTP_ACCEPT_LANGUAGE is Accept-Language.
#pragma once

#include <string_view>

namespace owind::protocol {

/// Writes the name for `variable` (what stands behind `HTTP_`) to `to`, which has room for variable.size()
/// bytes. False: it is no token (RFC 9110 §5.6.2), so it cannot have been a field; what was written is of no
/// use.
[[nodiscard]] bool restore_header_name(std::string_view variable, char* to) noexcept;

/// A token (RFC 9110 §5.6.2): not empty, and nothing but letters, digits and !#$%&'*+-.^_`|~.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

}  // namespace owind::protocol
