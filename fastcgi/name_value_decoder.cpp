// The pair decoder: a fast path for whole pairs, a gathering one for those that are cut.
#include "fastcgi/name_value_decoder.hpp"

#include <algorithm>

namespace owind::fastcgi {
namespace {

// Ordinary parameters that straddle fit, so a kept connection allocates once. A connection that once saw a
// value of 64 KiB does not hold that much for ever.
constexpr std::size_t kKeptBytes = 4096;

std::string_view text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

NameValueDecoder::Step NameValueDecoder::next(std::span<const std::byte> fragment) {
  if (phase_ != Phase::kBetween) return next_straddling(fragment);
  NameValueLengths lengths;
  const std::size_t prefix = lengths.read(fragment);
  const std::uint64_t size = std::uint64_t{prefix} + lengths.name + lengths.value;
  if (prefix == 0 || size > fragment.size()) return next_straddling(fragment);
  if (const Errc error = admit(prefix, lengths); error != Errc::kNone) return over_limit(error);
  const std::string_view all = text(fragment);
  return {.kind = Step::Kind::kPair,
          .consumed = static_cast<std::size_t>(size),
          .name = all.substr(prefix, lengths.name),
          .value = all.substr(prefix + lengths.name, lengths.value)};
}

NameValueDecoder::Step NameValueDecoder::next_straddling(std::span<const std::byte> fragment) {
  if (phase_ == Phase::kOverLimit) return over_limit(error_);
  std::size_t consumed = 0;
  while (phase_ != Phase::kBytes) {
    if (consumed == fragment.size()) return {.consumed = consumed, .name = {}, .value = {}};
    phase_ = Phase::kLengths;
    const std::size_t prefix = gatherer_.take(fragment[consumed++], lengths_);
    if (prefix == 0) continue;
    if (const Errc error = admit(prefix, lengths_); error != Errc::kNone) return over_limit(error);
    straddling_.clear();
    phase_ = Phase::kBytes;
  }

  const auto rest = text(fragment.subspan(consumed));
  std::string_view pair = rest;
  if (straddling_.empty() && pair_size() <= rest.size()) {
    // Only the lengths were cut.
    pair = rest.substr(0, static_cast<std::size_t>(pair_size()));
    consumed += pair.size();
  } else {
    const auto missing = pair_size() - straddling_.size();
    const auto taken =
        rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(missing, rest.size())));
    straddling_.append(taken);
    consumed += taken.size();
    if (straddling_.size() < pair_size()) return {.consumed = consumed, .name = {}, .value = {}};
    pair = straddling_;
  }
  phase_ = Phase::kBetween;
  return {.kind = Step::Kind::kPair,
          .consumed = consumed,
          .name = pair.substr(0, lengths_.name),
          .value = pair.substr(lengths_.name)};
}

Errc NameValueDecoder::admit(std::size_t prefix_size, NameValueLengths lengths) noexcept {
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

NameValueDecoder::Step NameValueDecoder::over_limit(Errc error) noexcept {
  phase_ = Phase::kOverLimit;
  error_ = error;
  return {.kind = Step::Kind::kLimit, .error = error, .name = {}, .value = {}};
}

std::uint64_t NameValueDecoder::pair_size() const noexcept {
  return std::uint64_t{lengths_.name} + lengths_.value;
}

void NameValueDecoder::reset() noexcept {
  stream_bytes_ = 0;
  pairs_ = 0;
  phase_ = Phase::kBetween;
  error_ = Errc::kNone;
  gatherer_.reset();
  if (straddling_.capacity() > kKeptBytes) {
    std::string().swap(straddling_);
  } else {
    straddling_.clear();
  }
}

}  // namespace owind::fastcgi
