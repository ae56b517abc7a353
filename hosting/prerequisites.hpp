// The two system libraries whose absence makes CoreCLR abort the whole process instead of reporting an error:
// libicu at start, and libssl at the first use of cryptography. Both are looked for the way the runtime does
// it, before it starts.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "hosting/environment.hpp"

namespace owind::hosting {

/// Whether a library of this file name can be loaded; a test gives its own.
using LibraryProbe = std::function<bool(const std::string& file_name)>;

/// Whether the runtime will start in globalization-invariant mode, where libicu is not needed:
/// DOTNET_SYSTEM_GLOBALIZATION_INVARIANT decides if it is 1, true, 0 or false; else the runtime property
/// System.Globalization.Invariant.
[[nodiscard]] bool is_globalization_invariant(const Environment& environment,
                                              const std::map<std::string, std::string>& properties);

/// Passes when libicu can be loaded, when it is not needed, or when the application brings its own.
/// @throws HostError with the package to install and the variable to set.
void require_icu(const Environment& environment, const std::map<std::string, std::string>& properties,
                 const LibraryProbe& probe);

/// Passes when a usable libssl can be loaded. An application may seem not to need one, but its first hash would end the
/// process with all requests in it.
/// @throws HostError with the package to install.
void require_openssl(const Environment& environment, const LibraryProbe& probe);

}  // namespace owind::hosting
