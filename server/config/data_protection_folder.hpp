// Where the keys of data protection are kept when --data-protection does not say: where systemd keeps the
// state of the service, else in the home folder of the user. Creates nothing.
#pragma once

#include <filesystem>
#include <functional>

namespace owind::config {

/// @param given the option; empty: it was not given.
/// @param environment the value of a variable, or null.
/// @return the folder, absolute by the working directory of this moment; empty when there is none to name
/// (keys then live in memory, with a warning).
[[nodiscard]] std::filesystem::path data_protection_folder(
    const std::filesystem::path& given, const std::function<const char*(const char*)>& environment);

}  // namespace owind::config
