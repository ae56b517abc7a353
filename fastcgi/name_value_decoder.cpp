// The pair decoder where pairs are cut; whole ones do not leave the header.
#include "fastcgi/name_value_decoder.hpp"

#include <algorithm>

namespace owind::fastcgi {
namespace {

// Ordinary parameters that straddle fit, so a kept connection allocates once. A connection that once saw a
// value of 64 KiB does not hold that much for ever.
constexpr std::size_t kKeptBytes = 4096;

}  // namespace

NameValueDecoder::Taken NameValueDecoder::take_whole(std::span<const std::byte> fragment,
                                                     std::span<NameValue> to) noexcept {
  Taken taken;
  if (phase_ != Phase::kBetween) return taken;
  while (taken.count < to.size()) {
    const auto rest = fragment.subspan(taken.consumed);
    NameValueLengths lengths;
    const std::size_t prefix = lengths.read(rest);
    const std::uint64_t size = std::uint64_t{prefix} + lengths.name + lengths.value;
    if (prefix == 0 || size > rest.size() || admit(prefix, lengths) != Errc::kNone) break;
    const char* const at = text(rest).data() + prefix;
    to[taken.count++] = {{at, lengths.name}, {at + lengths.name, lengths.value}};
    taken.consumed += static_cast<std::size_t>(size);
  }
  return taken;
}

NameValueDecoder::Step NameValueDecoder::next_straddling(std::span<const std::byte> fragment,
                                                         std::string_view& name, std::string_view& value) {
  if (phase_ == Phase::kOverLimit) return over_limit(error_);
  std::size_t consumed = 0;
  while (phase_ != Phase::kBytes) {
    if (consumed == fragment.size()) return {.consumed = consumed};
    phase_ = Phase::kLengths;
    const std::size_t prefix = gatherer_.take(fragment[consumed++], lengths_);
    if (prefix == 0) continue;
    if (const Errc error = admit(prefix, lengths_); error != Errc::kNone) return over_limit(error);
    straddling_.clear();
    phase_ = Phase::kBytes;
  }

  const auto rest = text(fragment.subspan(consumed));
  std::string_view bytes = rest;
  if (straddling_.empty() && pair_size() <= rest.size()) {
    // Only the lengths were cut.
    bytes = rest.substr(0, static_cast<std::size_t>(pair_size()));
    consumed += bytes.size();
  } else {
    const auto missing = pair_size() - straddling_.size();
    const auto taken =
        rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(missing, rest.size())));
    straddling_.append(taken);
    consumed += taken.size();
    if (straddling_.size() < pair_size()) return {.consumed = consumed};
    bytes = straddling_;
  }
  phase_ = Phase::kBetween;
  name = bytes.substr(0, lengths_.name);
  value = bytes.substr(lengths_.name);
  return {.kind = Step::Kind::kPair, .consumed = consumed};
}

NameValueDecoder::Step NameValueDecoder::over_limit(Errc error) noexcept {
  phase_ = Phase::kOverLimit;
  error_ = error;
  return {.kind = Step::Kind::kLimit, .error = error};
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
