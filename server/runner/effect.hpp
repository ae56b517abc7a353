// A thing whose state was changed by some thread and that the shard's leader has to look at: a node of the
// dirty list.
#pragma once

#include <atomic>

namespace owind::runner {

/// An intrusive node of a shard's dirty list (many producers, the leader consumes). Owned by whoever pushes
/// it; never freed while it may be queued. Pushing an effect that is already queued does nothing: the leader
/// clears the mark *before* it looks at the state, so a change made before the push is always seen. An effect
/// belongs to one shard.
class Effect {
 protected:
  Effect() = default;
  ~Effect() = default;
  Effect(const Effect&) = delete;
  Effect& operator=(const Effect&) = delete;

 private:
  friend class DirtyList;
  std::atomic<bool> queued_{false};
  Effect* next_ = nullptr;
};

}  // namespace owind::runner
