#include "middleware/http_date.hpp"

#include <chrono>
#include <cstdio>
#include <iomanip>
#include <locale>
#include <sstream>
#include <string>

namespace owind::middleware {
namespace {

/// `text` as a whole in this format of std::get_time.
bool read(std::string_view text, const char* format, std::tm& parts) {
  std::istringstream in{std::string(text)};
  in.imbue(std::locale::classic());
  parts = {};
  in >> std::get_time(&parts, format);
  return !in.fail() && in.peek() == std::istringstream::traits_type::eof();
}

}  // namespace

std::string_view http_date(std::time_t time) {
  static constexpr char kDays[] = "SunMonTueWedThuFriSat";
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  thread_local std::time_t formatted = -1;
  thread_local char text[64];
  thread_local std::size_t length = 0;
  if (time != formatted || length == 0) {
    std::tm parts{};
    gmtime_r(&time, &parts);
    length = static_cast<std::size_t>(
        std::snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", kDays + 3 * parts.tm_wday,
                      parts.tm_mday, kMonths + 3 * parts.tm_mon, parts.tm_year + 1900, parts.tm_hour,
                      parts.tm_min, parts.tm_sec));
    formatted = time;
  }
  return {text, length};
}

std::optional<std::time_t> parse_http_date(std::string_view text) {
  using namespace std::chrono;
  std::tm parts;
  // get_time() takes a text that ends before its format.
  const bool gmt = text.ends_with(" GMT");
  if (!gmt || !read(text, "%a, %d %b %Y %H:%M:%S GMT", parts)) {
    if (gmt && read(text, "%A, %d-%b-%y %H:%M:%S GMT", parts)) {
      // Two digits that seem to be more than 50 years ahead are of the century before (RFC 9110 §5.6.7).
      const auto this_year = int{year_month_day(floor<days>(system_clock::now())).year()};
      parts.tm_year = parts.tm_year % 100 + (this_year / 100) * 100 - 1900;
      if (parts.tm_year + 1900 > this_year + 50) parts.tm_year -= 100;
    } else if (text.size() != 24 || !read(text, "%a %b %e %H:%M:%S %Y", parts)) {
      return std::nullopt;
    }
  }
  const year_month_day date{year(parts.tm_year + 1900), month(static_cast<unsigned>(parts.tm_mon) + 1),
                            day(static_cast<unsigned>(parts.tm_mday))};
  if (!date.ok()) return std::nullopt;
  const auto time = sys_days(date) + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
  return system_clock::to_time_t(time_point_cast<system_clock::duration>(time));
}

}  // namespace owind::middleware
