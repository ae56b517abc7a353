// The pages that the server answers with by itself: clean, small, and without anything that a visitor sent.
#pragma once

#include <string>

#include "middleware/response_head.hpp"

namespace owind::exchange {

/// Fills `head` and returns the body of a plain error page for `status` (4xx or 5xx). A 503 asks to come back
/// after a second.
std::string error_page(int status, bool is_head_request, middleware::ResponseHead& head);

}  // namespace owind::exchange
