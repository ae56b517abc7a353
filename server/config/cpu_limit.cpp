#include "server/config/cpu_limit.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace owind::config {
namespace {

namespace fs = std::filesystem;

std::size_t affinity_count() {
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

/// One mounted cgroup hierarchy.
struct Mount {
  std::string root;   ///< Which group of the hierarchy is visible at the mount point.
  std::string point;  ///< Where.
};

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// Undoes the \ooo of blanks and the like in mountinfo (proc(5)).
std::string unescape(std::string_view text) {
  std::string out;
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Where the version 2 hierarchy, or the version 1 hierarchy with the cpu controller, is mounted.
std::optional<Mount> find_mount(const fs::path& root, bool version2) {
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE SUPER_OPTIONS
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line.substr(0, dash));
    std::istringstream after(line.substr(dash + 3));
    std::string id, parent, device, mount_root, point, type, source, options;
    before >> id >> parent >> device >> mount_root >> point;
    after >> type >> source >> options;
    if (version2 ? type == "cgroup2" : type == "cgroup" && has_word(options, "cpu")) {
      return Mount{unescape(mount_root), unescape(point)};
    }
  }
  return std::nullopt;
}

/// The group of this process in that hierarchy, as /proc/self/cgroup has it.
std::optional<std::string> find_group(const fs::path& root, bool version2) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version2 ? line.starts_with("0::") : has_word(controllers, "cpu")) return line.substr(second + 1);
  }
  return std::nullopt;
}

std::string read_first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

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

void take_smaller(std::optional<double>& smallest, std::optional<double> other) {
  if (other && (!smallest || *other < *smallest)) smallest = other;
}

std::optional<double> read_hierarchy(const fs::path& root, bool version2) {
  const auto mount = find_mount(root, version2);
  const auto group = find_group(root, version2);
  if (!mount || !group) return std::nullopt;
  // Without a namespace of its own a container sees the group's path on the host, of which only the part
  // below the mounted root is visible. A path that leads outside ("/../x") is not visible either.
  std::string below = *group;
  if (mount->root != "/" && (below == mount->root || below.starts_with(mount->root + "/"))) {
    below.erase(0, mount->root.size());
  }
  if (below.find("/..") != std::string::npos) below.clear();

  const auto read = [version2](const fs::path& folder) {
    return version2 ? read_version2(folder) : read_version1(folder);
  };
  const fs::path top = root / fs::path(mount->point).relative_path();
  std::optional<double> smallest = read(top);
  fs::path folder = top;
  for (const fs::path& part : fs::path(below).relative_path()) {
    folder /= part;
    take_smaller(smallest, read(folder));
  }
  return smallest;
}

}  // namespace

std::optional<double> cgroup_cpu_quota(const fs::path& root) {
  std::optional<double> smallest = read_hierarchy(root, true);
  take_smaller(smallest, read_hierarchy(root, false));
  return smallest;
}

std::size_t limit_cpus(std::size_t affinity, std::optional<double> quota) {
  std::size_t cpus = std::max<std::size_t>(affinity, 1);
  if (quota && *quota < static_cast<double>(cpus)) cpus = static_cast<std::size_t>(std::ceil(*quota));
  return std::max<std::size_t>(cpus, 1);
}

std::size_t usable_cpus() { return limit_cpus(affinity_count(), cgroup_cpu_quota("/")); }

}  // namespace owind::config
