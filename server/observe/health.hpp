// What the process says about itself to those who watch it: whether it lives, and whether it wants requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace owind::observe {

/// Any thread may call any function.
class Health {
 public:
  enum class State : std::uint8_t {
    kStarting,  ///< The application is not there yet.
    kReady,
    kDraining,  ///< Told to stop. Requests are still served, but none are wanted.
  };
  using Clock = std::chrono::steady_clock;
  /// Runs a task on an event loop, soon.
  using Post = std::function<void(std::function<void()>)>;

  /// A loop that does not come to a task for so long is stuck. As long as three probes of Kubernetes' default
  /// period: a collection of a large heap, or a machine that swaps, is no reason to be restarted.
  static constexpr Clock::duration kPatience = std::chrono::seconds(30);

  explicit Health(Clock::time_point (*now)() = Clock::now) : now_(now) {}

  void set(State state) noexcept { state_.store(state); }
  State state() const noexcept { return state_.load(); }

  /// From here on alive() looks at these loops, which outlive the object.
  void watch(std::vector<Post> loops);

  /// Whether any loop has come to what it was asked to do in a previous call, or had less than kPatience for
  /// it. Never waits: a loop that stands still shows in the second call that is later by kPatience. True
  /// without loops.
  bool alive();

 private:
  struct Loop {
    Post post;
    std::shared_ptr<std::atomic<bool>> answered;
    Clock::time_point asked;
  };

  Clock::time_point (*const now_)();
  std::atomic<State> state_{State::kStarting};
  std::mutex mutex_;
  std::vector<Loop> loops_;
};

}  // namespace owind::observe
