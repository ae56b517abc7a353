// Turns one PARAMS stream into name-value pairs (FastCGI 1.0 §3.4), which may be cut at any byte by the end
// of a record or of a read. A pair that lies wholly in a fragment is a view into it; only one that straddles
// is copied. Claimed lengths are checked against the limits before anything is stored, and memory grows with
// the bytes received, never with a claim. Does not know what the names mean. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fastcgi/error.hpp"
#include "fastcgi/limits.hpp"
#include "fastcgi/name_value_lengths.hpp"

namespace owind::fastcgi {

class NameValueDecoder {
 public:
  struct Step {
    enum class Kind : std::uint8_t {
      kNeedMore,  ///< all of the fragment is consumed
      kPair,      ///< name and value
      kLimit,     ///< over a limit, `error` says which
    };
    Kind kind = Kind::kNeedMore;
    Errc error = Errc::kNone;
    std::size_t consumed = 0;
    std::string_view name;
    std::string_view value;
  };

  /// `limits` outlives the decoder.
  explicit NameValueDecoder(const Limits& limits) noexcept : limits_(&limits) {}

  /// Consumes bytes up to the next pair. Views point into `fragment` or into the decoder: they end with the
  /// fragment and with the next call. After kLimit every call says the same until reset(), and what it
  /// consumes means nothing: skip the rest of the stream.
  [[nodiscard]] Step next(std::span<const std::byte> fragment);

  /// Whether the stream may end here. False: it would cut a pair.
  [[nodiscard]] bool at_boundary() const noexcept { return phase_ == Phase::kBetween; }

  /// Ready for the next stream. Keeps a small buffer, gives a large one back.
  void reset() noexcept;

 private:
  enum class Phase : std::uint8_t { kBetween, kLengths, kBytes, kOverLimit };

  [[nodiscard]] Step next_straddling(std::span<const std::byte> fragment);
  [[nodiscard]] Errc admit(std::size_t prefix_size, NameValueLengths lengths) noexcept;
  [[nodiscard]] Step over_limit(Errc error) noexcept;
  [[nodiscard]] std::uint64_t pair_size() const noexcept;

  const Limits* limits_;
  std::uint64_t stream_bytes_ = 0;  // up to the end of the last admitted pair
  std::uint32_t pairs_ = 0;
  Phase phase_ = Phase::kBetween;
  Errc error_ = Errc::kNone;
  NameValueLengthGatherer gatherer_;
  NameValueLengths lengths_;
  std::string straddling_;
};

}  // namespace owind::fastcgi
