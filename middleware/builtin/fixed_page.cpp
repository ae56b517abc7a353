#include "middleware/builtin/fixed_page.hpp"

#include "middleware/builtin/native_response.hpp"

namespace owind::middleware {

void FixedPage::invoke(Environment& environment, Completion completion) noexcept {
  enter(environment.entry());
  const FieldView again[] = {{"Retry-After", "1"}};
  respond(environment, std::move(completion), 503, "text/html; charset=utf-8", html_, again);
}

}  // namespace owind::middleware
