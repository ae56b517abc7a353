#include "server/dev/build_report.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <utility>

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

/// "v10.0" as {10, 0}.
std::pair<int, int> version_of(std::string_view text) {
  std::pair<int, int> version{0, 0};
  if (text.starts_with('v')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, version.first);
  if (error == std::errc{} && dot < end) std::from_chars(dot + 1, end, version.second);
  return version;
}

}  // namespace

std::string_view build_report_targets() {
  // One file for each: projects are built at the same time.
  return R"xml(<Project>
  <Target Name="OwindDevReport" AfterTargets="Build" Condition="'$(OwindDevReport)' != ''">
    <ItemGroup>
      <OwindDevLine Include="$([MSBuild]::Escape($(MSBuildProjectFullPath)))" />
      <OwindDevLine Include="$([MSBuild]::Escape($(TargetPath)))" />
      <OwindDevLine Include="$(TargetFrameworkVersion)" />
    </ItemGroup>
    <WriteLinesToFile File="$(OwindDevReport)/$([System.Guid]::NewGuid())" Lines="@(OwindDevLine)" />
  </Target>
</Project>
)xml";
}

BuildReport read_build_report(const fs::path& folder, const fs::path& project) {
  BuildReport report;
  std::pair<int, int> newest{-1, 0};
  std::error_code error;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    std::ifstream file(entries->path());
    std::string built, assembly, version;
    if (!std::getline(file, built) || !std::getline(file, assembly)) continue;
    std::getline(file, version);
    const fs::path path = fs::path(built).lexically_normal();
    report.folders.push_back(path.parent_path());
    if (path != project || version_of(version) < newest) continue;
    newest = version_of(version);
    report.assembly = assembly;
  }
  std::sort(report.folders.begin(), report.folders.end());
  report.folders.erase(std::unique(report.folders.begin(), report.folders.end()), report.folders.end());
  return report;
}

}  // namespace owind::dev
