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

bool is_solution(const fs::path& file) {
  const std::string ending = file.extension().string();
  return ending == ".sln" || ending == ".slnx" || ending == ".slnf";
}

/// The projects in folders of `root`, relative to it, as a text; empty: none. Looks three folders deep, and
/// not at everything in a folder such as a home.
std::string projects_below(const fs::path& root) {
  constexpr int kDeepest = 2;
  constexpr int kMostEntries = 20'000;
  constexpr std::size_t kMostShown = 8;
  std::vector<std::string> found;
  int looked_at = 0;
  std::error_code error;
  fs::recursive_directory_iterator entries(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && entries != fs::recursive_directory_iterator() && ++looked_at < kMostEntries;
       entries.increment(error)) {
    const fs::path& path = entries->path();
    const std::string name = path.filename().string();
    if (entries.depth() > kDeepest) entries.disable_recursion_pending();
    if (name.starts_with('.') || name == "bin" || name == "obj" || name == "node_modules")
      entries.disable_recursion_pending();
    else if (is_project(path))
      found.push_back(path.lexically_relative(root).string());
  }
  std::sort(found.begin(), found.end());
  std::string text;
  for (std::size_t i = 0; i < std::min(found.size(), kMostShown); ++i)
    text += (text.empty() ? "" : ", ") + found[i];
  return text + (found.size() > kMostShown ? ", ..." : "");
}

[[noreturn]] void refuse_solution(const fs::path& solution) {
  const std::string projects = projects_below(solution.parent_path());
  throw std::invalid_argument(
      solution.string() + " is a solution; " +
      (projects.empty() ? "name the project to run" : "name the project to run, one of " + projects));
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
    else if (is_solution(path))
      refuse_solution(path);
    else
      throw std::invalid_argument(path.string() +
                                  " is neither a project (.csproj, .fsproj, .vbproj) nor an assembly (.dll)");
    return target;
  }
  if (!fs::is_directory(path, error))
    throw std::invalid_argument("there is no " + path.string() +
                                "; name a project, its folder, or an assembly, or make one: owind new NAME");
  std::vector<fs::path> projects;
  std::vector<fs::path> solutions;
  for (fs::directory_iterator entries(path, error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    if (is_project(entries->path())) projects.push_back(entries->path());
    if (is_solution(entries->path())) solutions.push_back(entries->path());
  }
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
    if (!solutions.empty()) refuse_solution(*std::min_element(solutions.begin(), solutions.end()));
    if (const std::string below = projects_below(path); !below.empty())
      throw std::invalid_argument("there is no project in " + path.string() +
                                  ", but in folders of it: " + below + "; name the one to run");
    throw std::invalid_argument("there is no project (.csproj, .fsproj, .vbproj) in " + path.string() +
                                ", and " + problem.what() + "; to begin with one: owind new NAME");
  }
  return target;
}

}  // namespace owind::dev
