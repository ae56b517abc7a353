// The calls of a shard that wait to be run, in the order of their arrival. Intrusive: nothing is allocated.
// Belongs to the shard's leader; no locks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/runner/call.hpp"

namespace owind::runner {

class ReadyList {
 public:
  /// Appends `call`, which is in no list. `ticket` is its place in the order of arrival over all lists of the
  /// shard.
  void push(Call& call, std::uint64_t ticket) noexcept {
    call.ticket_ = ticket;
    call.next_ = nullptr;
    if (last_ == nullptr) {
      first_ = &call;
    } else {
      last_->next_ = &call;
    }
    last_ = &call;
    ++size_;
  }

  /// Takes the oldest call, or null when there is none.
  Call* pop() noexcept {
    Call* const call = first_;
    if (call == nullptr) return nullptr;
    first_ = call->next_;
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    return call;
  }

  /// Takes `call` out, wherever it stands: O(n). @return whether it was in this list
  bool remove(Call& call) noexcept;

  /// The ticket of the oldest call. Not on an empty list.
  std::uint64_t first_ticket() const noexcept { return first_->ticket_; }

  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t size() const noexcept { return size_; }

 private:
  Call* first_ = nullptr;
  Call* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace owind::runner
