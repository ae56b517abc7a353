#include "server/config/cpu_limit.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "server/config/cgroup.hpp"

namespace owind::config {
namespace {

namespace fs = std::filesystem;

std::optional<double> quota_of(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return std::nullopt;
  return quota / period;
}

std::optional<double> read_version2(const fs::path& folder) {
  std::istringstream line(read_first_line(folder / "cpu.max"));  // "max 100000" or "150000 100000"
  double quota = 0;
  double period = 0;
  if (!(line >> quota >> period)) return std::nullopt;
  return quota_of(quota, period);
}

std::optional<double> read_version1(const fs::path& folder) {
  std::istringstream quota_line(read_first_line(folder / "cpu.cfs_quota_us"));  // -1: none
  std::istringstream period_line(read_first_line(folder / "cpu.cfs_period_us"));
  double quota = 0;
  double period = 0;
  if (!(quota_line >> quota) || !(period_line >> period)) return std::nullopt;
  return quota_of(quota, period);
}

}  // namespace

std::optional<double> cgroup_cpu_quota(const fs::path& root) {
  std::optional<double> smallest;
  for (const CgroupFolder& folder : cgroup_folders(root, "cpu")) {
    const auto quota =
        folder.version == CgroupVersion::kTwo ? read_version2(folder.path) : read_version1(folder.path);
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
  }
  return smallest;
}

std::size_t limit_cpus(std::size_t affinity, std::optional<double> quota) {
  std::size_t cpus = std::max<std::size_t>(affinity, 1);
  if (quota && *quota < static_cast<double>(cpus)) cpus = static_cast<std::size_t>(std::ceil(*quota));
  return std::max<std::size_t>(cpus, 1);
}

std::size_t affinity_cpus() {
  // The kernel's mask may be longer than cpu_set_t's 1024 CPUs.
  for (std::size_t cpus = 1024; cpus <= (1u << 20); cpus *= 2) {
    std::vector<cpu_set_t> set(CPU_ALLOC_SIZE(cpus) / sizeof(cpu_set_t));
    const std::size_t bytes = set.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) {
      return static_cast<std::size_t>(CPU_COUNT_S(bytes, set.data()));
    }
    if (errno != EINVAL) break;
  }
  return std::thread::hardware_concurrency();
}

}  // namespace owind::config
