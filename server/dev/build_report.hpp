// What a build tells about itself: where the assembly of a project is, and which folders its sources are in.
// MSBuild is given a file with a target that writes one report for each project that was built.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace owind::dev {

/// A project file to be imported by all others (CustomAfterMicrosoftCommonTargets). The property
/// OwindDevReport is the folder for the reports.
std::string_view build_report_targets();

struct BuildReport {
  /// Of the project; of several frameworks, the newest. Empty: it was not built.
  std::filesystem::path assembly;
  /// Of the project, and of those that it refers to.
  std::vector<std::filesystem::path> folders;
};

BuildReport read_build_report(const std::filesystem::path& folder, const std::filesystem::path& project);

}  // namespace owind::dev
