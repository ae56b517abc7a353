// Removal from the middle of the ready list; the rest is inline.
#include "server/runner/ready_list.hpp"

namespace owind::runner {

bool ReadyList::remove(Call& call) noexcept {
  Call* before = nullptr;
  for (Call* at = first_; at != nullptr; before = at, at = at->next_) {
    if (at != &call) continue;
    (before == nullptr ? first_ : before->next_) = call.next_;
    if (last_ == &call) last_ = before;
    --size_;
    return true;
  }
  return false;
}

}  // namespace owind::runner
