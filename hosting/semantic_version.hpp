// A version as .NET's folders and configuration files write it, ordered by Semantic Versioning 2.0.0 §11:
// 10.0.0-rc.1 < 10.0.0-rc.2 < 10.0.0 < 10.0.12. Build metadata (+…) is accepted and does not count.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owind::hosting {

struct SemanticVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;
  std::vector<std::string> pre_release;  ///< dot-separated identifiers; empty for a release

  /// Nothing when `text` is not of the form 1.2.3 or 1.2.3-a.b (a folder of another name, say).
  [[nodiscard]] static std::optional<SemanticVersion> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend std::strong_ordering operator<=>(const SemanticVersion& left, const SemanticVersion& right) noexcept;
  friend bool operator==(const SemanticVersion& left, const SemanticVersion& right) noexcept {
    return (left <=> right) == std::strong_ordering::equal;
  }
};

}  // namespace owind::hosting
