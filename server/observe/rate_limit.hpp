// Lets some lines a second through for each place in the program that writes them, and counts the rest: a
// visitor who causes a line with each request shall neither fill the disk nor hide what else happens. Knows
// no clock and writes nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "middleware/trace_sink.hpp"

namespace owind::observe {

/// Not thread-safe. Takes memory for kSites places and never more: two places that share an entry share its
/// allowance.
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kSites = 64;
  static constexpr std::chrono::seconds kWindow{1};

  /// A place whose window ended with lines held back.
  struct Suppressed {
    std::string_view site;
    middleware::Severity severity;
    std::uint64_t lines;
  };
  using Report = std::function<void(const Suppressed&)>;

  /// `lines_per_window` may be 0: everything is held back, and counted.
  explicit RateLimit(unsigned lines_per_window) : lines_per_window_(lines_per_window) {}

  /// The part of a line that names its place in the program: what comes before the first digit, quotation
  /// mark, colon or bracket, since values from outside stand behind one of them. At most 48 bytes of it.
  static std::string_view site_of(std::string_view text);

  enum class Verdict : std::uint8_t {
    kWrite,
    kHoldBack,
    kHoldBackFirst,  ///< The first of a window: next_report() has changed.
  };

  /// What to do with a line now. The window of a site begins with its first line. Call expire() before it.
  Verdict admit(middleware::Severity severity, std::string_view site, Clock::time_point now);

  /// Closes windows that have ended at `now`, and tells of those that held lines back. The view in the report
  /// ends with it.
  void expire(Clock::time_point now, const Report& report);

  /// Closes all windows, as expire() does.
  void close(const Report& report);

  /// When the next window that has held lines back ends; time_point::max() when there is none.
  Clock::time_point next_report() const;

 private:
  struct Site {
    std::string name;
    middleware::Severity severity{};
    Clock::time_point begin;
    unsigned admitted = 0;
    std::uint64_t suppressed = 0;
    bool open = false;
  };

  void close_site(Site& site, const Report& report);

  unsigned lines_per_window_;
  std::size_t open_sites_ = 0;
  std::array<Site, kSites> sites_;
};

}  // namespace owind::observe
