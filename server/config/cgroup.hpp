// Where the control groups of this process are: containers limit CPU and memory by them, and nothing else in
// the process sees those limits. Versions 1 and 2 and both at once. What the files in them say is read by
// cpu_limit and memory_limit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace owind::config {

enum class CgroupVersion : std::uint8_t { kOne, kTwo };

/// One control group: of this process, or one above it.
struct CgroupFolder {
  CgroupVersion version;
  std::filesystem::path path;
};

/// The groups that bound `controller` ("cpu", "memory"), as far as they are visible here, from the outermost
/// to that of this process, of both versions. `root` stands in for "/" before /proc and the mount points that
/// it names. Reads the files anew at each call; what cannot be read is not there.
std::vector<CgroupFolder> cgroup_folders(const std::filesystem::path& root, std::string_view controller);

/// Empty when there is no such file.
std::string read_first_line(const std::filesystem::path& path);

}  // namespace owind::config
