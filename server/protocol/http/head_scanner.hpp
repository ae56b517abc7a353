// Finds the end of a request's head in bytes as they arrive, and refuses what a parser should not even see:
// heads that are too large, lines that end in a bare LF, folded lines (RFC 9112 §2.2, §3, §5.2). Keeps no
// bytes; it looks at each one once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/protocol/http/http_limits.hpp"

namespace owind::protocol {

class HeadScanner {
 public:
  /// `limits` outlives the scanner.
  explicit HeadScanner(const HttpLimits& limits) : limits_(limits) {}

  struct Found {
    enum class Kind : std::uint8_t { kMore, kEnd, kRefused };
    Kind kind = Kind::kMore;
    /// kEnd: how many of the bytes given belong to the head, its empty line included.
    std::size_t size = 0;
    int status = 0;
    std::string_view reason;
  };

  /// The next bytes of the same head.
  Found scan(std::string_view bytes);
  /// The next head.
  void reset() { *this = HeadScanner(limits_); }
  HeadScanner& operator=(const HeadScanner& other) {
    line_bytes_ = other.line_bytes_;
    fields_bytes_ = other.fields_bytes_;
    lines_ = other.lines_;
    ends_in_cr_ = other.ends_in_cr_;
    return *this;
  }

 private:
  Found check_limits() const;

  const HttpLimits& limits_;
  std::size_t line_bytes_ = 0;  ///< Of the unfinished line.
  std::size_t fields_bytes_ = 0;
  std::size_t lines_ = 0;  ///< Finished ones.
  bool ends_in_cr_ = false;
};

}  // namespace owind::protocol
