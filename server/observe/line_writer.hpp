// Writes lines to a descriptor by a thread of its own, so that nobody waits for whoever reads them. The queue
// is bounded: when the reader is slow, stopped or gone, or the disk is full, lines are dropped and counted,
// and the loss is told as soon as something gets through again. Knows nothing of levels and formats.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace owind::observe {

class LineWriter {
 public:
  using Clock = std::chrono::steady_clock;

  struct Hooks {
    /// The line, with its newline, that tells of `lines` lost ones. Owns whatever it needs: it may be called
    /// after close().
    std::function<std::string(std::uint64_t lines)> lost_note;
    /// Called on the thread after each round, without a lock, never after close(); may push lines. Returns
    /// when it wants to be called next at the latest (time_point::max(): whenever).
    std::function<Clock::time_point(Clock::time_point now)> tick;
  };

  /// Does not own `fd`, and does not change its flags: other processes share them.
  /// @throws std::system_error when the thread cannot be started.
  LineWriter(int fd, std::size_t max_queued_bytes, Hooks hooks);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();

  /// Queues `line`, which ends with a newline, or drops and counts it when the queue is full. Any thread.
  void push(std::string_view line) noexcept;

  /// Counts one line as lost that could not even be made. Any thread.
  void count_lost() noexcept;

  /// Has tick() called soon. Any thread.
  void wake() noexcept;

  /// Waits until all that was pushed before is written or dropped. @return false when `timeout` passed
  /// before. Any thread.
  bool flush(std::chrono::milliseconds timeout) noexcept;

  /// Writes what is queued and ends the thread; what the reader does not take within `timeout` is dropped.
  /// Once.
  void close(std::chrono::milliseconds timeout) noexcept;

  std::uint64_t lost() const noexcept;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace owind::observe
