// Reads the names of one GET_VALUES record and writes the answer (FastCGI 1.0 §4.1).
// Remembers only which of the three known names were asked for: a name that is too long to be known is not
// stored, a name that is repeated is answered once. Values that a peer sends along are skipped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastcgi/name_value_lengths.hpp"

namespace owind::fastcgi {

/// What the application announces. A zero is announced as 1: HAProxy would open no stream at all.
struct ManagementValues {
  std::uint32_t max_connections = 1;  ///< FCGI_MAX_CONNS, of the process
  std::uint32_t max_requests = 1;     ///< FCGI_MAX_REQS; HAProxy takes it for the limit of a connection
  bool multiplexes = true;            ///< FCGI_MPXS_CONNS
};

class ValuesQuery {
 public:
  /// Forgets everything: a new record begins.
  void reset() noexcept;

  /// Takes the next content of the record, cut anywhere.
  void feed(std::span<const std::byte> fragment) noexcept;

  /// Whether the record may end here. False: it would cut a pair.
  [[nodiscard]] bool at_boundary() const noexcept {
    return gatherer_.empty() && name_left_ == 0 && value_left_ == 0;
  }

  /// Appends one GET_VALUES_RESULT record (at most 80 bytes) with the names asked for that are known.
  void append_result(const ManagementValues& values, std::vector<std::byte>& out) const;

 private:
  void finish_name() noexcept;

  static constexpr std::size_t kLongestName = 15;  // FCGI_MPXS_CONNS

  NameValueLengthGatherer gatherer_;
  std::uint8_t asked_ = 0;  // a bit for each known name
  std::uint8_t name_size_ = 0;
  std::array<char, kLongestName> name_{};
  bool name_fits_ = false;
  std::uint32_t name_left_ = 0;
  std::uint32_t value_left_ = 0;
};

}  // namespace owind::fastcgi
