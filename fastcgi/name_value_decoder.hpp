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

/// One parameter; its owner says how long the views live.
struct NameValue {
  std::string_view name;
  std::string_view value;
};

class NameValueDecoder {
 public:
  struct Step {
    enum class Kind : std::uint8_t {
      kNeedMore,  ///< all of the fragment is consumed
      kPair,      ///< a name and a value
      kLimit,     ///< over a limit, `error` says which
    };
    Kind kind = Kind::kNeedMore;
    Errc error = Errc::kNone;
    std::size_t consumed = 0;
  };

  /// `limits` outlives the decoder.
  explicit NameValueDecoder(const Limits& limits) noexcept : limits_(&limits) {}

  /// Consumes bytes up to the next pair, which is in `name` and `value` with kPair. These point into
  /// `fragment` or into the decoder: they end with the fragment and with the next call. After kLimit every
  /// call says the same until reset(), and what it consumes means nothing: skip the rest of the stream.
  ///
  /// The pair is not part of the step, so that this returns in registers: views that pass through the stack
  /// in halves and leave it whole stall the processor, and that was half of the time of a request's
  /// parameters.
  [[nodiscard]] Step next(std::span<const std::byte> fragment, std::string_view& name,
                          std::string_view& value);

  /// What next() would hand out one by one, many at a time: the whole pairs at the start of `fragment`, at
  /// most to.size() of them. Stops before a pair that is cut or over a limit: next() says what there is to
  /// say of it. The views point into `fragment`.
  struct Taken {
    std::size_t count = 0;
    std::size_t consumed = 0;
  };
  [[nodiscard]] Taken take_whole(std::span<const std::byte> fragment, std::span<NameValue> to) noexcept;

  /// Whether the stream may end here. False: it would cut a pair.
  [[nodiscard]] bool at_boundary() const noexcept { return phase_ == Phase::kBetween; }

  /// Ready for the next stream. Keeps a small buffer, gives a large one back.
  void reset() noexcept;

 private:
  enum class Phase : std::uint8_t { kBetween, kLengths, kBytes, kOverLimit };

  [[nodiscard]] Step next_straddling(std::span<const std::byte> fragment, std::string_view& name,
                                     std::string_view& value);
  [[nodiscard]] static std::string_view text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
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

// Twenty-five pairs a request come this way, nearly always whole: inline.
inline NameValueDecoder::Step NameValueDecoder::next(std::span<const std::byte> fragment,
                                                     std::string_view& name, std::string_view& value) {
  if (phase_ != Phase::kBetween) return next_straddling(fragment, name, value);
  NameValueLengths lengths;
  const std::size_t prefix = lengths.read(fragment);
  const std::uint64_t size = std::uint64_t{prefix} + lengths.name + lengths.value;
  if (prefix == 0 || size > fragment.size()) return next_straddling(fragment, name, value);
  if (const Errc error = admit(prefix, lengths); error != Errc::kNone) return over_limit(error);
  const char* const at = text(fragment).data() + prefix;
  name = {at, lengths.name};
  value = {at + lengths.name, lengths.value};
  return {.kind = Step::Kind::kPair, .consumed = static_cast<std::size_t>(size)};
}

inline Errc NameValueDecoder::admit(std::size_t prefix_size, NameValueLengths lengths) noexcept {
  if (lengths.name > limits_->max_name_bytes) return Errc::kParamNameTooLong;
  if (lengths.value > limits_->max_value_bytes) return Errc::kParamValueTooLong;
  if (pairs_ >= limits_->max_params) return Errc::kTooManyParams;
  // 64 bits: two lengths of 31 bits and a position cannot overflow it, on any machine.
  const std::uint64_t end = stream_bytes_ + prefix_size + lengths.name + lengths.value;
  if (end > limits_->max_params_bytes) return Errc::kParamsTooLarge;
  stream_bytes_ = end;
  ++pairs_;
  return Errc::kNone;
}

}  // namespace owind::fastcgi
