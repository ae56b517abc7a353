// Dates as HTTP writes them (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
#pragma once

#include <ctime>
#include <string_view>

namespace owind::protocol {

/// The date of `now`; a view of a buffer of this thread that lasts until its next call. Formatted once a
/// second.
std::string_view http_date(std::time_t now);

}  // namespace owind::protocol
