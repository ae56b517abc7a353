// The .runtimeconfig.json files of .NET: reads the application's, and writes one for a class library that has
// none. hostfxr reads the same file again and decides; what is read here serves the checks and messages
// before that.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owind::hosting {

/// One entry of "framework" or "frameworks".
struct FrameworkRequest {
  std::string name;
  std::string version;
  std::optional<std::string> roll_forward;  ///< its own, which goes before the file's
};

struct RuntimeConfig {
  std::filesystem::path file;
  std::vector<FrameworkRequest> frameworks;
  std::optional<std::string> roll_forward;        ///< for all frameworks of the file
  bool self_contained = false;                    ///< names includedFrameworks: cannot be hosted
  std::map<std::string, std::string> properties;  ///< configProperties; booleans as "true" and "false"
};

/// App.runtimeconfig.json for App.dll, whether it exists or not.
[[nodiscard]] std::filesystem::path runtime_config_path(const std::filesystem::path& assembly);

/// The configuration beside `assembly`; nothing when there is no such file.
/// @throws HostError when it cannot be read or understood, with file, line and column.
[[nodiscard]] std::optional<RuntimeConfig> read_runtime_config(const std::filesystem::path& assembly);

/// Understands `text`, as it stands in `file`. Comments and a byte-order mark are allowed, as hostfxr allows
/// them.
/// @throws HostError as read_runtime_config.
[[nodiscard]] RuntimeConfig parse_runtime_config(const std::filesystem::path& file, std::string_view text);

/// The text of a configuration that asks for `frameworks` under `roll_forward`.
[[nodiscard]] std::string write_runtime_config(const std::vector<FrameworkRequest>& frameworks,
                                               const std::string& roll_forward);

}  // namespace owind::hosting
