// What native middleware does again and again: give a whole small response.
#pragma once

#include <span>
#include <string_view>

#include "middleware/environment.hpp"

namespace owind::middleware {

/// Says to the runner that the call has been entered: native handlers do not wait.
inline void enter(CallEntry entry) noexcept {
  if (entry.entered) entry.entered->store(1, std::memory_order_relaxed);
}

/// Gives the head with Content-Type, Content-Length and Cache-Control: no-store, then the body, then
/// completes. `body` must fit into an empty pipe's high mark.
void respond(Environment& environment, Completion completion, int status, std::string_view content_type,
             std::string_view body, std::span<const FieldView> more = {}) noexcept;

}  // namespace owind::middleware
