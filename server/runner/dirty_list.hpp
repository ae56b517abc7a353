// The effects that a shard's leader has yet to look at: many producers, one consumer at a time, no locks.
// Intrusive and lock-free; an effect is queued at most once. Knows nothing of waking: that is Shard::dirty.
#pragma once

#include <atomic>

#include "server/runner/effect.hpp"

namespace owind::runner {

class DirtyList {
 public:
  /// Any thread. @return false when the effect was queued already: whoever queued it also wakes the leader
  bool push(Effect& effect) noexcept {
    if (effect.queued_.exchange(true, std::memory_order_acq_rel)) return false;
    Effect* head = head_.load(std::memory_order_relaxed);
    do {
      effect.next_ = head;
    } while (
        !head_.compare_exchange_weak(head, &effect, std::memory_order_seq_cst, std::memory_order_relaxed));
    return true;
  }

  /// Any thread. Sequentially consistent: the leader asks after having announced its sleep.
  bool empty() const noexcept { return head_.load(std::memory_order_seq_cst) == nullptr; }

  /// The leader only. Hands what is queued now to `look`, oldest first; what is pushed meanwhile stays for
  /// the next call.
  /// @return whether there was anything
  template <typename Look>
  bool drain(Look&& look) {
    if (head_.load(std::memory_order_relaxed) == nullptr) return false;
    Effect* oldest = reversed(head_.exchange(nullptr, std::memory_order_seq_cst));
    while (oldest != nullptr) {
      Effect& effect = *oldest;
      oldest = effect.next_;
      // A read-modify-write, not a store: a producer that found the mark set made its change before, and this
      // reads from it.
      effect.queued_.exchange(false, std::memory_order_acq_rel);
      look(effect);
    }
    return true;
  }

 private:
  static Effect* reversed(Effect* newest) noexcept {
    Effect* oldest = nullptr;
    while (newest != nullptr) {
      Effect* const older = newest->next_;
      newest->next_ = oldest;
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

  std::atomic<Effect*> head_{nullptr};
};

}  // namespace owind::runner
