// Accept-Encoding (RFC 9110 §12.5.3).
#pragma once

#include <string_view>

namespace owind::middleware {

/// Whether a content coding may be sent: it is named, or `*` is, with a quality above 0.
bool accepts_coding(std::string_view accept_encoding, std::string_view coding);

}  // namespace owind::middleware
