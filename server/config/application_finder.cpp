#include "server/config/application_finder.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace owind::config {

namespace fs = std::filesystem;

fs::path find_application(const fs::path& folder) {
  constexpr std::string_view kEnding = ".runtimeconfig.json";
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    if (name.size() <= kEnding.size() || !name.ends_with(kEnding)) continue;
    name.resize(name.size() - kEnding.size());
    std::error_code ignored;
    if (fs::is_regular_file(folder / (name + ".dll"), ignored)) found.push_back(name + ".dll");
  }
  if (error) {
    throw std::invalid_argument("cannot look for an application in the folder " + folder.string() + ": " +
                                error.message());
  }
  if (found.size() == 1) return folder / found.front();
  if (found.empty()) {
    throw std::invalid_argument("there is no application in the folder " + folder.string() +
                                ": no NAME.runtimeconfig.json with NAME.dll beside it");
  }
  std::sort(found.begin(), found.end());
  std::string names;
  for (const std::string& name : found) names.append(names.empty() ? "" : ", ").append(name);
  throw std::invalid_argument("there is more than one application in the folder " + folder.string() + ": " +
                              names);
}

}  // namespace owind::config
