#include "server/observe/log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "server/observe/escape.hpp"
#include "server/observe/line_writer.hpp"
#include "server/observe/rate_limit.hpp"

namespace owind::observe {
namespace {

using middleware::Severity;
using middleware::Token;

spdlog::level::level_enum level_of(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return spdlog::level::debug;
    case Severity::kInfo:
      return spdlog::level::info;
    case Severity::kWarning:
      return spdlog::level::warn;
    case Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// %*: the level in five columns, so that messages begin in the same one.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    std::string_view name = "error";
    if (message.level == spdlog::level::debug) name = "debug";
    if (message.level == spdlog::level::info) name = "info ";
    if (message.level == spdlog::level::warn) name = "warn ";
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelFlag>(); }
};

std::unique_ptr<spdlog::formatter> make_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc, "\n");
  formatter->add_flag<LevelFlag>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %* %v");
  return formatter;
}

/// Hands finished lines to the writer.
class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(LineWriter& writer)
      : spdlog::sinks::base_sink<std::mutex>(make_formatter()), writer_(writer) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.push({line.data(), line.size()});
  }
  void flush_() override {}

  LineWriter& writer_;
};

}  // namespace

class Log::State {
 public:
  explicit State(const LogOptions& options)
      : close_timeout_(options.close_timeout),
        limited_(*this, options.limited_lines_per_second),
        writer_(options.fd, options.max_queued_bytes,
                {.lost_note = &lost_note,
                 .tick = [this](LineWriter::Clock::time_point now) { return limited_.tick(now); }}),
        logger_("", std::make_shared<WriterSink>(writer_)) {
    logger_.set_level(level_of(options.level));
    logger_.set_error_handler([this](const std::string&) { writer_.count_lost(); });
  }

  ~State() {
    limited_.finish();
    writer_.close(close_timeout_);
  }

  void record(Severity severity, Token request, std::string_view text) noexcept {
    const auto level = level_of(severity);
    if (!logger_.should_log(level)) return;
    try {
      std::string line;
      if (request) line = fmt::format("[request {:016x}] ", request.value);
      append_escaped(line, text);
      logger_.log(level, spdlog::string_view_t(line.data(), line.size()));
    } catch (...) {
      writer_.count_lost();
    }
  }

  bool wants(Severity severity) const noexcept { return logger_.should_log(level_of(severity)); }

  /// The log for lines that visitors cause.
  class Limited final : public middleware::TraceSink {
   public:
    Limited(State& state, unsigned lines_per_second) : state_(state), limit_(lines_per_second) {}

    void record(Severity severity, Token request, std::string_view text) noexcept override {
      if (!wants(severity)) return;
      try {
        const auto now = RateLimit::Clock::now();
        RateLimit::Verdict verdict;
        {
          const std::lock_guard lock(mutex_);
          limit_.expire(now, [this](const RateLimit::Suppressed& more) { tell(more); });
          verdict = limit_.admit(severity, RateLimit::site_of(text), now);
        }
        if (verdict == RateLimit::Verdict::kWrite) state_.record(severity, request, text);
        if (verdict == RateLimit::Verdict::kHoldBackFirst) state_.writer_.wake();
      } catch (...) {
        state_.writer_.count_lost();
      }
    }

    bool wants(Severity severity) const noexcept override { return state_.wants(severity); }

    RateLimit::Clock::time_point tick(RateLimit::Clock::time_point now) {
      const std::lock_guard lock(mutex_);
      limit_.expire(now, [this](const RateLimit::Suppressed& more) { tell(more); });
      return limit_.next_report();
    }

    void finish() {
      const std::lock_guard lock(mutex_);
      limit_.close([this](const RateLimit::Suppressed& more) { tell(more); });
    }

   private:
    void tell(const RateLimit::Suppressed& more) {
      state_.record(more.severity, {}, fmt::format("{} ... and {} more", more.site, more.lines));
    }

    State& state_;
    std::mutex mutex_;
    RateLimit limit_;
  };

  static std::string lost_note(std::uint64_t lines) {
    spdlog::memory_buf_t line;
    make_formatter()->format(
        spdlog::details::log_msg(
            "", spdlog::level::warn,
            fmt::format("{} line{} of the log lost: what reads stderr was too slow, full or gone", lines,
                        lines == 1 ? "" : "s")),
        line);
    return {line.data(), line.size()};
  }

  const std::chrono::milliseconds close_timeout_;
  Limited limited_;
  LineWriter writer_;
  spdlog::logger logger_;
};

Log::Log(const LogOptions& options) : state_(std::make_unique<State>(options)) {}
Log::~Log() = default;

void Log::record(Severity severity, Token request, std::string_view text) noexcept {
  state_->record(severity, request, text);
}
bool Log::wants(Severity severity) const noexcept { return state_->wants(severity); }
middleware::TraceSink& Log::limited() noexcept { return state_->limited_; }
void Log::set_level(Severity level) noexcept { state_->logger_.set_level(level_of(level)); }
bool Log::flush(std::chrono::milliseconds timeout) noexcept { return state_->writer_.flush(timeout); }
std::uint64_t Log::dropped() const noexcept { return state_->writer_.lost(); }

}  // namespace owind::observe
