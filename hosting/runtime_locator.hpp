// Finds libhostfxr.so, the door to CoreCLR, in the order of .NET's own nethost library: DOTNET_ROOT_<ARCH>,
// DOTNET_ROOT, /etc/dotnet/install_location_<arch>, /etc/dotnet/install_location, the default folders; and
// then, which nethost does not, the folder of the `dotnet` that PATH names. Loads nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hosting/environment.hpp"
#include "hosting/semantic_version.hpp"

namespace owind::hosting {

struct RuntimeLocation {
  std::filesystem::path root;     ///< the folder with host/ and shared/, absolute
  std::filesystem::path hostfxr;  ///< libhostfxr.so of the newest version below it
  SemanticVersion version;        ///< that version
  std::string found_by;  ///< for messages: "DOTNET_ROOT", "/etc/dotnet/install_location", "PATH", …
  std::vector<std::string>
      ignored_settings;                ///< a line for each setting that names a place that does not exist
  std::vector<std::string> looked_at;  ///< a line for each place looked at before, with what was there
};

/// The first place wins. One that the user named (DOTNET_ROOT…, install_location…) and that exists is final:
/// if it has no usable host/fxr this is an error and nothing else is tried, as with nethost. A named place
/// that does not exist is passed over and noted.
/// @throws HostError that lists every place.
[[nodiscard]] RuntimeLocation find_runtime(const Environment& environment);

}  // namespace owind::hosting
