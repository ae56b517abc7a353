// The pages that the server answers with by itself: clean, small, and without anything that a visitor sent
// but the number of the request.
#pragma once

#include <string>
#include <string_view>

#include "middleware/response_head.hpp"
#include "middleware/token.hpp"

namespace owind::exchange {

/// Fills `head` and returns the body of a plain error page for `status` (4xx or 5xx). A 503 asks to come back
/// after a second. `request_id`: what the visitor can tell and the log has, or empty.
std::string error_page(int status, bool is_head_request, middleware::ResponseHead& head,
                       std::string_view request_id = {});

/// The number of a request as the log has it.
std::string request_id_of(middleware::Token token);

}  // namespace owind::exchange
