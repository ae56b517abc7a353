// Which application a folder holds, for a command line that names none.
#pragma once

#include <filesystem>

namespace owind::config {

/// The assembly X.dll beside the only X.runtimeconfig.json in `folder`, as `dotnet build` and `dotnet
/// publish` leave it for a program. @throws std::invalid_argument that says what was found, when there is
/// none or more than one, or when the folder cannot be read.
std::filesystem::path find_application(const std::filesystem::path& folder);

}  // namespace owind::config
