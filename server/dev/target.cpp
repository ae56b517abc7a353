#include "server/dev/target.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "server/config/application_finder.hpp"

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

/// Editors and file systems leave files beside it whose names begin with a dot: locks (.#App.csproj, a link
/// to nowhere), attributes (._App.csproj).
bool is_project(const fs::path& file) {
  std::error_code ignored;
  if (file.filename().native().starts_with('.') || !fs::is_regular_file(file, ignored)) return false;
  const std::string ending = file.extension().string();
  return ending == ".csproj" || ending == ".fsproj" || ending == ".vbproj";
}

}  // namespace

Target find_target(const fs::path& given) {
  const fs::path path = fs::absolute(given.empty() ? fs::current_path() : given).lexically_normal();
  std::error_code error;
  Target target;
  if (fs::is_regular_file(path, error)) {
    if (is_project(path))
      target.project = path;
    else if (path.extension() == ".dll")
      target.assembly = path;
    else
      throw std::invalid_argument(path.string() +
                                  " is neither a project (.csproj, .fsproj, .vbproj) nor an assembly (.dll)");
    return target;
  }
  if (!fs::is_directory(path, error))
    throw std::invalid_argument("there is no " + path.string() +
                                "; name a project, its folder, or an assembly, or make one: owind new NAME");
  std::vector<fs::path> projects;
  for (fs::directory_iterator entries(path, error); !error && entries != fs::directory_iterator();
       entries.increment(error))
    if (is_project(entries->path())) projects.push_back(entries->path());
  std::sort(projects.begin(), projects.end());
  if (projects.size() > 1) {
    std::string names;
    for (const fs::path& each : projects) names += (names.empty() ? "" : ", ") + each.filename().string();
    throw std::invalid_argument("there is more than one project in " + path.string() + ": " + names +
                                "; name the one to run");
  }
  if (projects.size() == 1) {
    target.project = projects.front();
    return target;
  }
  try {
    target.assembly = fs::absolute(config::find_application(path)).lexically_normal();
  } catch (const std::invalid_argument& problem) {
    throw std::invalid_argument("there is no project (.csproj, .fsproj, .vbproj) in " + path.string() +
                                ", and " + problem.what() + "; to begin with one: owind new NAME");
  }
  return target;
}

}  // namespace owind::dev
