#include "server/observe/health.hpp"

#include <utility>

namespace owind::observe {

void Health::watch(std::vector<Post> loops) {
  const std::lock_guard lock(mutex_);
  for (auto& post : loops) loops_.push_back({std::move(post), std::make_shared<std::atomic<bool>>(true), {}});
}

bool Health::alive() {
  const auto now = now_();
  const std::lock_guard lock(mutex_);
  bool alive = loops_.empty();
  for (auto& loop : loops_) {
    if (loop.answered->load()) {
      loop.answered->store(false);
      loop.asked = now;
      // The task may outlive this object.
      loop.post([answered = loop.answered] { answered->store(true); });
    }
    alive = alive || now - loop.asked < kPatience;
  }
  return alive;
}

}  // namespace owind::observe
