// Which signals this process blocks, and the one thread that reads them. What a signal means is decided
// elsewhere (stop_controller.hpp).
//
// A process with a CLR blocks exactly the signals below, before its first thread and before the CLR starts,
// so that every thread inherits the mask and no handler of the runtime ever sees them. SEGV, BUS, FPE, ILL,
// TRAP, ABRT and SIGRTMIN are never blocked: the runtime turns them into exceptions and suspends threads with
// them, and a blocked SEGV kills the process at the first NullReferenceException.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <thread>

namespace owind::process {

/// TERM, INT, QUIT, HUP, USR1, USR2, TTIN, TTOU.
std::span<const int> handled_signals() noexcept;

/// Blocks handled_signals() in the calling thread and ignores SIGPIPE. The first thing in main.
/// @throws std::system_error, which no kernel has a reason for.
void block_signals();

/// "SIGTERM" and so on for the handled ones, "a signal" for others.
std::string_view signal_name(int signal) noexcept;

/// Waits for the handled signals on a thread of its own.
class SignalThread {
 public:
  /// Calls `on_signal` on the thread, for one signal after the other; it must not throw. Signals that came
  /// between block_signals() and this are not lost.
  /// @throws std::system_error when no descriptor or thread can be had.
  explicit SignalThread(std::function<void(int signal)> on_signal);
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  /// Waits for a running callback. Not from the callback. Signals stay blocked: what comes later waits for
  /// ever.
  ~SignalThread();

 private:
  void run() noexcept;

  std::function<void(int)> on_signal_;
  int signals_;  ///< signalfd
  int stop_;     ///< eventfd
  std::thread thread_;
};

}  // namespace owind::process
