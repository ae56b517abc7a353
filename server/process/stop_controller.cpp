#include "server/process/stop_controller.hpp"

#include <csignal>

namespace owind::process {

void StopController::on_signal(int signal) {
  if (signal != SIGTERM && signal != SIGQUIT && signal != SIGINT) {
    actions_.unsupported(signal);
    return;
  }
  const StopState first = signal == SIGINT ? StopState::kStopping : StopState::kDraining;
  StopState next = StopState::kExiting;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == StopState::kExiting) return;
    if (state_ == StopState::kRunning) next = first;
    state_ = next;
  }
  if (next == StopState::kDraining) actions_.drain();
  if (next == StopState::kStopping) actions_.stop_now();
  if (next == StopState::kExiting) actions_.exit_now(128 + signal);
}

bool StopController::request_drain() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != StopState::kRunning) return false;
    state_ = StopState::kDraining;
  }
  actions_.drain();
  return true;
}

bool StopController::request_stop_now() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != StopState::kRunning && state_ != StopState::kDraining) return false;
    state_ = StopState::kStopping;
  }
  actions_.stop_now();
  return true;
}

StopState StopController::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace owind::process
