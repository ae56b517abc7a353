// What `owind dev` was told to run: a project that it builds, or an assembly that somebody else builds.
#pragma once

#include <filesystem>
#include <string>

namespace owind::dev {

struct Target {
  std::filesystem::path project;   ///< Absolute; empty: there is none, `assembly` is what runs.
  std::filesystem::path assembly;  ///< Of a project it is known when it has been built.
  std::string name() const { return (project.empty() ? assembly : project).stem().string(); }
  std::filesystem::path folder() const { return (project.empty() ? assembly : project).parent_path(); }
};

/// `given`: a .dll, a project file, a folder with one of them, or empty: the working directory. A project
/// comes before an assembly. @throws std::invalid_argument that says what was looked for, and what to do.
Target find_target(const std::filesystem::path& given);

}  // namespace owind::dev
