#include "server/config/memory_limit.hpp"

#include <fstream>
#include <limits>
#include <sstream>

#include "server/config/cgroup.hpp"

namespace owind::config {
namespace {

namespace fs = std::filesystem;

/// MemTotal of /proc/meminfo; the largest number when it is not known.
std::uint64_t machine_bytes(const fs::path& root) {
  std::ifstream file(root / "proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    if (words >> name >> kib && name == "MemTotal:") return kib * 1024;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::optional<MemoryLimit> cgroup_memory_limit(const fs::path& root) {
  std::optional<MemoryLimit> smallest;
  for (const CgroupFolder& folder : cgroup_folders(root, "memory")) {
    const char* const name = folder.version == CgroupVersion::kTwo ? "memory.max" : "memory.limit_in_bytes";
    std::istringstream line(read_first_line(folder.path / name));  // version 2: "max" for none
    std::uint64_t bytes = 0;
    if (line >> bytes && (!smallest || bytes < smallest->bytes)) smallest = MemoryLimit{bytes, name};
  }
  // Version 1 writes a number near 2^63 for none.
  if (smallest && smallest->bytes >= machine_bytes(root)) return std::nullopt;
  return smallest;
}

}  // namespace owind::config
