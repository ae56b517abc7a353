// GET_VALUES: which names, and the answer.
#include "fastcgi/values_query.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "fastcgi/record_encoder.hpp"

namespace owind::fastcgi {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"};

}  // namespace

void ValuesQuery::reset() noexcept {
  gatherer_.reset();
  asked_ = 0;
  name_left_ = 0;
  value_left_ = 0;
}

void ValuesQuery::feed(std::span<const std::byte> fragment) noexcept {
  while (!fragment.empty()) {
    if (name_left_ != 0) {
      const auto size = std::min<std::size_t>(name_left_, fragment.size());
      if (name_fits_) {
        std::transform(fragment.begin(), fragment.begin() + static_cast<std::ptrdiff_t>(size),
                       name_.begin() + name_size_, [](std::byte byte) { return static_cast<char>(byte); });
        name_size_ = static_cast<std::uint8_t>(name_size_ + size);
      }
      name_left_ -= static_cast<std::uint32_t>(size);
      fragment = fragment.subspan(size);
      if (name_left_ == 0) finish_name();
    } else if (value_left_ != 0) {
      const auto size = std::min<std::size_t>(value_left_, fragment.size());
      value_left_ -= static_cast<std::uint32_t>(size);
      fragment = fragment.subspan(size);
    } else {
      NameValueLengths lengths;
      const std::byte byte = fragment.front();
      fragment = fragment.subspan(1);
      if (gatherer_.take(byte, lengths) == 0) continue;
      name_left_ = lengths.name;
      value_left_ = lengths.value;
      name_size_ = 0;
      name_fits_ = lengths.name <= kLongestName;
    }
  }
}

void ValuesQuery::finish_name() noexcept {
  if (!name_fits_) return;
  const std::string_view name(name_.data(), name_size_);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) asked_ = static_cast<std::uint8_t>(asked_ | 1u << i);
  }
}

void ValuesQuery::append_result(const ManagementValues& values, std::vector<std::byte>& out) const {
  const std::array<std::uint32_t, kNames.size()> numbers = {
      std::max(values.max_connections, 1u), std::max(values.max_requests, 1u), values.multiplexes ? 1u : 0u};
  std::array<char, 80> content;
  char* end = content.data();
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if ((asked_ >> i & 1u) == 0) continue;
    char* const lengths = end;
    end = std::copy(kNames[i].begin(), kNames[i].end(), end + 2);
    char* const value = end;
    end = std::to_chars(value, content.data() + content.size(), numbers[i]).ptr;
    lengths[0] = static_cast<char>(kNames[i].size());
    lengths[1] = static_cast<char>(end - value);
  }
  append_record(out, RecordType::kGetValuesResult, kManagementId,
                std::as_bytes(std::span(content.data(), static_cast<std::size_t>(end - content.data()))));
}

}  // namespace owind::fastcgi
