#include "hosting/managed_app.hpp"

namespace owind::hosting {
namespace {

static_assert(sizeof(std::atomic<std::int32_t>) == sizeof(std::int32_t) &&
              std::atomic<std::int32_t>::is_always_lock_free);

std::int32_t* entered_of(middleware::CallEntry entry) {
  return reinterpret_cast<std::int32_t*>(entry.entered);
}
std::int32_t flags_of(middleware::CallEntry entry) { return entry.queue ? OWIND_ENTER_QUEUE : 0; }

}  // namespace

void ManagedApp::invoke(middleware::Environment& environment, middleware::Completion completion) noexcept {
  // All that the call needs is read before: once it has begun, the request may end on another thread.
  const auto entry = environment.entry();
  const auto token = environment.token();
  const auto* block = static_cast<const owind_request_block*>(environment.request().data());
  environment.park(std::move(completion), *this);
  if (managed_.start(token.value, block, flags_of(entry), entered_of(entry)) != OWIND_OK)
    environment.complete(middleware::Outcome::kFaulted);
}

void ManagedApp::on_ready(middleware::Environment& environment, middleware::Ready ready,
                          middleware::CallEntry entry) noexcept {
  managed_.on_ready(environment.token().value, static_cast<std::int32_t>(ready), flags_of(entry),
                    entered_of(entry));
}

void ManagedApp::on_abort(middleware::Environment& environment, middleware::AbortReason reason,
                          middleware::CallEntry entry) noexcept {
  managed_.on_abort(environment.token().value, static_cast<std::int32_t>(reason), flags_of(entry),
                    entered_of(entry));
}

}  // namespace owind::hosting
