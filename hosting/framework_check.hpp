// Says why no installed framework satisfies an application: wanted against installed. hostfxr alone decides
// whether one does; this explains its refusal in the user's terms.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hosting/runtime_config.hpp"
#include "hosting/semantic_version.hpp"

namespace owind::hosting {

/// Framework name → installed versions, ascending.
using InstalledFrameworks = std::map<std::string, std::vector<SemanticVersion>>;

/// What lies in root/shared/<name>/<version>. A folder that cannot be read counts as empty.
[[nodiscard]] InstalledFrameworks list_frameworks(const std::filesystem::path& root);

/// Whether `installed` may serve a request for `wanted` under `policy` (a rollForward value, any case; an
/// unknown one counts as Minor, the default).
[[nodiscard]] bool satisfies(const SemanticVersion& installed, const SemanticVersion& wanted,
                             const std::string& policy);

/// One line for each framework that `config` asks for: wanted version, policy, installed versions, and
/// whether one fits. `forced_policy` is one that goes before the file's (DOTNET_ROLL_FORWARD, or a command
/// line), if there is one.
[[nodiscard]] std::vector<std::string> explain_frameworks(const RuntimeConfig& config,
                                                          const InstalledFrameworks& installed,
                                                          const std::optional<std::string>& forced_policy);

}  // namespace owind::hosting
