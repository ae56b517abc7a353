#include "server/protocol/field_rules.hpp"

#include <algorithm>
#include <utility>

namespace owind::protocol {

using middleware::equals_ignore_case;
using middleware::FieldSlice;
using middleware::RequestBlock;
using middleware::Slice;

std::int64_t parse_content_length(std::string_view digits) noexcept {
  if (digits.empty() || digits.size() > 18) return -1;
  std::int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool is_port(std::string_view port) noexcept {
  return !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void join_cookies(RequestBlock& block) {
  const auto is_cookie = [&](const FieldSlice& f) {
    return f.name.length == 6 && equals_ignore_case(block.view(f.name), "Cookie");
  };
  auto& fields = block.fields();
  std::size_t length = 0;
  for (const FieldSlice& f : fields)
    if (is_cookie(f) && f.value.length) length += f.value.length + 2;
  if (length) length -= 2;
  const Slice joined = block.append_space(length);
  if (block.failed()) return;
  char* to = block.mutable_bytes(joined);
  bool first = true;
  for (const FieldSlice& f : fields) {
    if (!is_cookie(f) || f.value.length == 0) continue;
    if (!std::exchange(first, false)) to = std::copy_n("; ", 2, to);
    to = std::copy_n(block.view(f.value).data(), f.value.length, to);
  }
  const auto keep = std::find_if(fields.begin(), fields.end(), is_cookie);
  keep->value = joined;
  fields.erase(std::remove_if(keep + 1, fields.end(), is_cookie), fields.end());
}

}  // namespace owind::protocol
