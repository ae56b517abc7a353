#include "server/protocol/http/head_scanner.hpp"

#include <cstring>

#include "server/protocol/header_name.hpp"

namespace owind::protocol {
namespace {

using Found = HeadScanner::Found;

constexpr Found refuse(int status, std::string_view reason) {
  return {Found::Kind::kRefused, 0, status, reason};
}

}  // namespace

Found HeadScanner::check_limits() const {
  if (lines_ == 0) {
    // Two bytes are the CRLF.
    if (line_bytes_ > limits_.max_request_line_bytes + 2) return refuse(414, "The request line is too long.");
    return {};
  }
  if (fields_bytes_ + line_bytes_ > limits_.max_fields_bytes + 2)
    return refuse(431, "The header fields are too large.");
  return {};
}

Found HeadScanner::scan(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (line_bytes_ == 0) {
      const char first = bytes[at];
      if (lines_ == 0) {
        // TLS begins with 0x16: better told at once than after a line that never ends.
        if (!is_token({&first, 1}))
          return refuse(400, first == 0x16 ? "The visitor speaks TLS; this is a listener for plain HTTP."
                                           : "This is not HTTP.");
      } else if (first == ' ' || first == '\t') {
        return refuse(400, "A header line is folded, or begins with a blank.");
      }
    }
    const void* found = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
    if (!found) {
      line_bytes_ += bytes.size() - at;
      ends_in_cr_ = bytes.back() == '\r';
      return check_limits();
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    const bool has_cr = end > at ? bytes[end - 1] == '\r' : ends_in_cr_;
    line_bytes_ += end + 1 - at;
    ends_in_cr_ = false;
    at = end + 1;
    if (line_bytes_ == 2 && has_cr && lines_ > 0) return {Found::Kind::kEnd, at, 0, {}};
    // Limits first: of a line that is cut before its end they are all that is seen. Here without the
    // allowance for a CRLF that is still to come.
    if (lines_ == 0) {
      if (line_bytes_ > limits_.max_request_line_bytes + 2)
        return refuse(414, "The request line is too long.");
    } else if (fields_bytes_ + line_bytes_ > limits_.max_fields_bytes) {
      return refuse(431, "The header fields are too large.");
    }
    if (!has_cr) return refuse(400, "A line ends in LF without CR.");
    if (lines_ > 0) {
      fields_bytes_ += line_bytes_;
      if (lines_ > limits_.max_fields) return refuse(431, "There are too many header fields.");
    }
    ++lines_;
    line_bytes_ = 0;
  }
  return {};
}

}  // namespace owind::protocol
