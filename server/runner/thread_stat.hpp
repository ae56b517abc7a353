// Asks the kernel whether a thread sleeps or computes: an open /proc/self/task/TID/stat (proc(5)), read when
// needed. Knows nothing of leases. The file is opened by the thread itself and may be read by any other at
// any time.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

namespace owind::runner {

enum class ThreadActivity : std::uint8_t {
  kSleeping,  ///< State S or D: it waits for something.
  kRunning,   ///< On a processor or waiting for one.
  kUnknown,   ///< No such thread, no /proc, or no file descriptor left.
};

/// The activity in the text of a stat file. The thread's name stands before the state and may hold any byte
/// but NUL.
ThreadActivity activity_of(std::string_view stat) noexcept;

class ThreadStat {
 public:
  ThreadStat() = default;
  ~ThreadStat() { close(); }
  ThreadStat(const ThreadStat&) = delete;
  ThreadStat& operator=(const ThreadStat&) = delete;

  /// From here on this is about the calling thread. Without /proc it stays closed: activity() is kUnknown.
  void open_for_this_thread() noexcept;
  void close() noexcept;

  /// Any thread. One system call.
  ThreadActivity activity() const noexcept;

 private:
  // Held across the read, so that no reader meets a descriptor that was closed and given to something else.
  mutable std::mutex mutex_;
  int file_ = -1;
};

}  // namespace owind::runner
