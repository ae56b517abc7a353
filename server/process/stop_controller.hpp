// What the signals of operators mean: when to drain, when to stop at once, when to give up. Pure logic: what
// is done about it is given as functions.
//
// Both dialects are understood: TERM (systemd, docker, Kubernetes) and QUIT (nginx, php-fpm) drain; INT
// (Ctrl+C) stops now; a second one of any of the three ends the process on the spot, with exit code 128 + its
// number, as a shell shows a process that the signal killed. A stop that was ordered otherwise (the
// application asks for it) counts as the first.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace owind::process {

enum class StopState : std::uint8_t {
  kRunning,
  kDraining,  ///< No new connections; requests go on until they end or the drain timeout.
  kStopping,  ///< No new connections; what runs is cancelled.
  kExiting,   ///< exit_now was called.
};

class StopController {
 public:
  /// Called without a lock, on the thread that reports the signal or requests the stop; each at most once,
  /// but `unsupported`.
  struct Actions {
    std::function<void()> drain;
    std::function<void()> stop_now;
    /// Does not return in production: _exit(code). In-flight work is lost.
    std::function<void(int code)> exit_now;
    /// HUP, USR1, USR2, TTIN and TTOU mean nothing yet.
    std::function<void(int signal)> unsupported;
  };

  explicit StopController(Actions actions) : actions_(std::move(actions)) {}

  void on_signal(int signal);

  /// As the first TERM; nothing when a stop is under way. @return whether it began one.
  bool request_drain();

  /// As the first INT, but also turns a drain into a stop at once, as the drain timeout does. @return whether
  /// it did.
  bool request_stop_now();

  StopState state() const;

 private:
  Actions actions_;
  mutable std::mutex mutex_;
  StopState state_ = StopState::kRunning;
};

}  // namespace owind::process
