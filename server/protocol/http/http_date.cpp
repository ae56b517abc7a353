#include "server/protocol/http/http_date.hpp"

#include <cstdio>

namespace owind::protocol {

std::string_view http_date(std::time_t now) {
  static constexpr char kDays[] = "SunMonTueWedThuFriSat";
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  thread_local std::time_t formatted = -1;
  thread_local char text[64];
  thread_local std::size_t length = 0;
  if (now != formatted || length == 0) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = static_cast<std::size_t>(
        std::snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", kDays + 3 * parts.tm_wday,
                      parts.tm_mday, kMonths + 3 * parts.tm_mon, parts.tm_year + 1900, parts.tm_hour,
                      parts.tm_min, parts.tm_sec));
    formatted = now;
  }
  return {text, length};
}

}  // namespace owind::protocol
