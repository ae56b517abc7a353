// Conditional requests (RFC 9110 §13): whether the visitor has the representation already, or wants another
// one.
#pragma once

#include <ctime>
#include <string_view>

#include "middleware/request_block.hpp"

namespace owind::middleware {

/// What a representation is known by. `etag` is strong, with its quotes.
struct Validators {
  std::string_view etag;
  std::time_t modified = 0;
};

enum class Precondition : std::uint8_t {
  kMet,
  kNotModified,  ///< 304.
  kFailed,       ///< 412.
};

/// Of a GET or HEAD, in the order of RFC 9110 §13.2.2.
Precondition check_preconditions(const RequestBlock& request, const Validators& validators);

/// Whether If-Range, if there is one, lets the Range field count (RFC 9110 §13.1.5).
bool range_counts(const RequestBlock& request, const Validators& validators);

}  // namespace owind::middleware
