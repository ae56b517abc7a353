// How much memory the control groups leave to this process. Containers are ended by the kernel when they take
// more.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace owind::config {

struct MemoryLimit {
  std::uint64_t bytes = 0;
  std::string file;  ///< "memory.max" (version 2) or "memory.limit_in_bytes" (version 1).
};

/// The smallest limit of the control groups of this process and all their ancestors that are visible here;
/// nothing when none is set, or when the machine has no more memory than that. `root` stands in for "/".
std::optional<MemoryLimit> cgroup_memory_limit(const std::filesystem::path& root);

}  // namespace owind::config
