// The head of a CGI response as bytes.
#include "fastcgi/cgi_response.hpp"

#include <cassert>
#include <cstring>

#include "fastcgi/reason_phrase.hpp"

namespace owind::fastcgi {
namespace {

constexpr std::string_view kStatus = "Status: ";
constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";

std::string_view reason_of(const CgiHead& head) noexcept {
  return head.reason.empty() ? reason_phrase(head.status) : head.reason;
}

/// A second Status would be the front end's choice (RFC 3875 §6.3: at most one each).
bool is_status(std::string_view name) noexcept {
  constexpr std::string_view kName = "status";
  if (name.size() != kName.size()) return false;
  for (std::size_t i = 0; i < kName.size(); ++i) {
    const char lower = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] + ('a' - 'A')) : name[i];
    if (lower != kName[i]) return false;
  }
  return true;
}

/// Writes into memory that is known to suffice.
class Cursor {
 public:
  explicit Cursor(std::byte* at) noexcept : at_(at) {}

  void put(std::string_view text) noexcept {
    if (text.empty()) return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

 private:
  std::byte* at_;
};

}  // namespace

std::size_t cgi_head_size(const CgiHead& head) noexcept {
  std::size_t size = kStatus.size() + 4 + reason_of(head).size() + 2 * kLineEnd.size();
  for (const CgiField& field : head.fields) {
    if (is_status(field.name)) continue;
    size += field.name.size() + kColon.size() + field.value.size() + kLineEnd.size();
  }
  return size;
}

void append_cgi_head(std::vector<std::byte>& out, const CgiHead& head) {
  assert(head.status >= 100 && head.status <= 999);
  const std::size_t start = out.size();
  out.resize(start + cgi_head_size(head));
  Cursor cursor(out.data() + start);
  const char code[] = {static_cast<char>('0' + head.status / 100),
                       static_cast<char>('0' + head.status / 10 % 10),
                       static_cast<char>('0' + head.status % 10), ' '};
  cursor.put(kStatus);
  cursor.put({code, sizeof code});
  cursor.put(reason_of(head));
  cursor.put(kLineEnd);
  for (const CgiField& field : head.fields) {
    if (is_status(field.name)) continue;
    cursor.put(field.name);
    cursor.put(kColon);
    cursor.put(field.value);
    cursor.put(kLineEnd);
  }
  cursor.put(kLineEnd);
}

}  // namespace owind::fastcgi
