// Start-up failures of the hosting room and the meaning of the numbers that .NET's own hosting components
// return. A HostError is thrown while the runtime is found and started, caught once in main, and shown as it
// is. Nothing here is used on the request path, and nothing is thrown across the boundary to managed code.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace owind::hosting {

/// A start-up failure with complete text for the user: what was sought, where, and what to do.
class HostError : public std::runtime_error {
 public:
  explicit HostError(const std::string& text) : std::runtime_error(text) {}

  /// `problem` is one line without a full stop, `details` are lines shown indented below it, `way_out` says
  /// what to do (may be empty).
  HostError(std::string_view problem, const std::vector<std::string>& details, std::string_view way_out);
};

/// What one status code of hostfxr, hostpolicy or a load delegate means.
struct HostCode {
  std::uint32_t code;
  std::string_view name;
  std::string_view meaning;
  std::string_view way_out;
};

/// The table entry for `code`, or nullptr for a code that it does not know. Lives as long as the program.
[[nodiscard]] const HostCode* find_host_code(std::int32_t code) noexcept;

/// "0x80008096 FrameworkMissingFailure: <meaning>", for messages that give the way out elsewhere.
[[nodiscard]] std::string name_host_code(std::int32_t code);

/// "0x80008096 FrameworkMissingFailure: <meaning>; <way out>"; an unknown code is shown as its number with
/// the advice to look at the text of the host beside it.
[[nodiscard]] std::string describe_host_code(std::int32_t code);

}  // namespace owind::hosting
