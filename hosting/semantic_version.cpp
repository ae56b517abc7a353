#include "hosting/semantic_version.hpp"

#include <algorithm>
#include <charconv>

namespace owind::hosting {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_identifier(std::string_view text) {
  const bool allowed = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
  // §9: a numeric identifier has no leading zero.
  return !text.empty() && allowed && !(is_digits(text) && text.size() > 1 && text.front() == '0');
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  if (!is_digits(text) || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Takes what stands before `separator` (or all) off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return head;
}

// §11.4: numbers by value (of any length), numbers below words, words by their bytes.
std::strong_ordering compare_identifiers(std::string_view left, std::string_view right) {
  const bool left_number = is_digits(left);
  const bool right_number = is_digits(right);
  if (left_number != right_number)
    return left_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (left_number && left.size() != right.size()) return left.size() <=> right.size();
  return left.compare(right) <=> 0;
}

}  // namespace

std::optional<SemanticVersion> SemanticVersion::parse(std::string_view text) {
  const std::size_t build = text.find('+');
  if (build != std::string_view::npos) {
    if (build + 1 == text.size()) return std::nullopt;
    text = text.substr(0, build);
  }
  std::string_view pre_release;
  const std::size_t dash = text.find('-');
  const bool has_pre_release = dash != std::string_view::npos;
  if (has_pre_release) {
    pre_release = text.substr(dash + 1);
    text = text.substr(0, dash);
    if (pre_release.empty() || pre_release.back() == '.') return std::nullopt;
  }

  if (std::count(text.begin(), text.end(), '.') != 2) return std::nullopt;
  const auto major_part = parse_number(take(text, '.'));
  const auto minor_part = parse_number(take(text, '.'));
  const auto patch_part = parse_number(text);
  if (!major_part || !minor_part || !patch_part) return std::nullopt;

  SemanticVersion version{*major_part, *minor_part, *patch_part, {}};
  while (!pre_release.empty()) {
    const std::string_view identifier = take(pre_release, '.');
    if (!is_identifier(identifier)) return std::nullopt;
    version.pre_release.emplace_back(identifier);
  }
  return version;
}

std::string SemanticVersion::to_string() const {
  std::string text = std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
  char separator = '-';
  for (const std::string& identifier : pre_release) {
    text += separator;
    text += identifier;
    separator = '.';
  }
  return text;
}

std::strong_ordering operator<=>(const SemanticVersion& left, const SemanticVersion& right) noexcept {
  if (const auto order = left.major <=> right.major; order != 0) return order;
  if (const auto order = left.minor <=> right.minor; order != 0) return order;
  if (const auto order = left.patch <=> right.patch; order != 0) return order;
  if (left.pre_release.empty() != right.pre_release.empty()) {
    return left.pre_release.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
  }
  const std::size_t common = std::min(left.pre_release.size(), right.pre_release.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (const auto order = compare_identifiers(left.pre_release[i], right.pre_release[i]); order != 0)
      return order;
  }
  return left.pre_release.size() <=> right.pre_release.size();
}

}  // namespace owind::hosting
