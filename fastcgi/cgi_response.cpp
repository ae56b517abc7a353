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

/// @param lower in lower case
bool is_named(std::string_view name, std::string_view lower) noexcept {
  if (name.size() != lower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] + ('a' - 'A')) : name[i];
    if (c != lower[i]) return false;
  }
  return true;
}

/// A second Status would be the front end's choice (RFC 3875 §6.3: at most one each).
bool is_status(std::string_view name) noexcept { return is_named(name, "status"); }
bool is_location(std::string_view name) noexcept { return is_named(name, "location"); }

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
  const auto put_field = [&cursor](const CgiField& field) {
    cursor.put(field.name);
    cursor.put(kColon);
    cursor.put(field.value);
    cursor.put(kLineEnd);
  };
  // In front of the status: to HAProxy 2.6 a Location behind it means 302.
  bool redirects = false;
  for (const CgiField& field : head.fields) {
    if (!is_location(field.name)) continue;
    put_field(field);
    redirects = true;
  }
  cursor.put(kStatus);
  cursor.put({code, sizeof code});
  cursor.put(reason_of(head));
  cursor.put(kLineEnd);
  for (const CgiField& field : head.fields) {
    if (!is_status(field.name) && !(redirects && is_location(field.name))) put_field(field);
  }
  cursor.put(kLineEnd);
}

}  // namespace owind::fastcgi
