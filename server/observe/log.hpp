// The log of the process: lines of text on stderr, written by a thread of its own. Whoever logs never waits
// for the reader of stderr: a full queue, a full disk or a closed pipe drops lines and counts them.
//
//   2026-11-21T10:00:00.123Z warn  [request 0000000000001a2b] message
//
// Everything is escaped and cut (observe/escape.hpp), so that one record is one line. Create it after the
// signals were blocked (process/signals.hpp), since it starts a thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "middleware/trace_sink.hpp"

namespace owind::observe {

struct LogOptions {
  middleware::Severity level = middleware::Severity::kInfo;
  /// Where to write; not closed by the log.
  int fd = 2;
  /// What may wait to be written. Some thousand lines: a burst that a healthy reader takes within a second.
  std::size_t max_queued_bytes = 1024 * 1024;
  /// Lines a second from one place in the program that limited() lets through.
  unsigned limited_lines_per_second = 10;
  /// How long the destructor waits for a reader that takes nothing.
  std::chrono::milliseconds close_timeout = std::chrono::seconds(1);
};

/// Any thread may call any function.
class Log final : public middleware::TraceSink {
 public:
  /// @throws std::system_error when the thread cannot be started.
  explicit Log(const LogOptions& options = {});
  /// Writes what is queued, but waits for a stuck reader no longer than close_timeout.
  ~Log();

  void record(middleware::Severity severity, middleware::Token request,
              std::string_view text) noexcept override;
  bool wants(middleware::Severity severity) const noexcept override;

  void debug(std::string_view text) noexcept { record(middleware::Severity::kDebug, {}, text); }
  void info(std::string_view text) noexcept { record(middleware::Severity::kInfo, {}, text); }
  void warn(std::string_view text) noexcept { record(middleware::Severity::kWarning, {}, text); }
  void error(std::string_view text) noexcept { record(middleware::Severity::kError, {}, text); }

  /// The same log for lines that a visitor can cause: of one place in the program it lets through
  /// limited_lines_per_second, then says once how many more there were (observe/rate_limit.hpp). Lives as
  /// long as the log.
  middleware::TraceSink& limited() noexcept;

  void set_level(middleware::Severity level) noexcept;

  /// Waits until everything recorded before the call was written or dropped.
  /// @return false when that took longer than `timeout`.
  bool flush(std::chrono::milliseconds timeout) noexcept;

  /// Lines lost since the start, because the queue was full or stderr refused them. The log itself says so as
  /// soon as a line gets through again.
  std::uint64_t dropped() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace owind::observe
