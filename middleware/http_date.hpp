// Dates as HTTP writes and reads them (RFC 9110 §5.6.7), whatever the locale.
#pragma once

#include <ctime>
#include <optional>
#include <string_view>

namespace owind::middleware {

/// "Sun, 06 Nov 1994 08:49:37 GMT"; a view of a buffer of this thread that lasts until its next call. Formatted
/// once for equal times in a row.
std::string_view http_date(std::time_t time);

/// Reads all three forms that a recipient must accept: IMF-fixdate, RFC 850, asctime. Nothing for anything else.
std::optional<std::time_t> parse_http_date(std::string_view text);

}  // namespace owind::middleware
