// How many CPUs this process may use: what the scheduler lets it run on, and what the quota of its control
// groups leaves of that. Containers set the latter only, and std::thread::hardware_concurrency() does not
// know it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace owind::config {

/// How many CPUs the scheduler lets this process run on.
std::size_t affinity_cpus();

/// The smallest quota of the control groups (version 1 and 2) of this process and all their ancestors that
/// are visible here, in CPUs; nothing when none is set. `root` stands in for "/" before /proc and the mount
/// points that it names.
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& root);

/// `affinity` CPUs under `quota`: rounded up, so that half a CPU of quota more is used, and never 0.
std::size_t limit_cpus(std::size_t affinity, std::optional<double> quota);

}  // namespace owind::config
