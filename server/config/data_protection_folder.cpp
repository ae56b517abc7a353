#include "server/config/data_protection_folder.hpp"

#include <string>

namespace owind::config {

std::filesystem::path data_protection_folder(const std::filesystem::path& given,
                                             const std::function<const char*(const char*)>& environment) {
  // Absolute: it is used at the first cookie, when the application may have gone to another folder.
  if (!given.empty()) return std::filesystem::absolute(given).lexically_normal();
  // systemd.exec(5): several folders are separated by colons, the first is the service's own.
  if (const char* state = environment("STATE_DIRECTORY"); state != nullptr && *state == '/') {
    const std::string folders(state);
    return std::filesystem::path(folders.substr(0, folders.find(':'))) / "keys";
  }
  if (const char* home = environment("HOME"); home != nullptr && *home == '/')
    return std::filesystem::path(home) / ".local/share/owind/keys";
  return {};
}

}  // namespace owind::config
