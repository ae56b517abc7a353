#include "server/config/cgroup.hpp"

#include <fstream>
#include <optional>
#include <sstream>

namespace owind::config {
namespace {

namespace fs = std::filesystem;

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

/// Where the version 2 hierarchy, or the version 1 hierarchy with the controller, is mounted.
std::optional<Mount> find_mount(const fs::path& root, CgroupVersion version, std::string_view controller) {
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
    if (version == CgroupVersion::kTwo ? type == "cgroup2"
                                       : type == "cgroup" && has_word(options, controller)) {
      return Mount{unescape(mount_root), unescape(point)};
    }
  }
  return std::nullopt;
}

/// The group of this process in that hierarchy, as /proc/self/cgroup has it.
std::optional<std::string> find_group(const fs::path& root, CgroupVersion version,
                                      std::string_view controller) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version == CgroupVersion::kTwo ? line.starts_with("0::") : has_word(controllers, controller))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

void append_hierarchy(std::vector<CgroupFolder>& folders, const fs::path& root, CgroupVersion version,
                      std::string_view controller) {
  const auto mount = find_mount(root, version, controller);
  const auto group = find_group(root, version, controller);
  if (!mount || !group) return;
  // Without a namespace of its own a container sees the group's path on the host, of which only the part
  // below the mounted root is visible. A path that leads outside ("/../x") is not visible either.
  std::string below = *group;
  if (mount->root != "/" && (below == mount->root || below.starts_with(mount->root + "/"))) {
    below.erase(0, mount->root.size());
  }
  if (below.find("/..") != std::string::npos) below.clear();
  fs::path folder = root / fs::path(mount->point).relative_path();
  folders.push_back({version, folder});
  for (const fs::path& part : fs::path(below).relative_path()) {
    folder /= part;
    folders.push_back({version, folder});
  }
}

}  // namespace

std::vector<CgroupFolder> cgroup_folders(const fs::path& root, std::string_view controller) {
  std::vector<CgroupFolder> folders;
  append_hierarchy(folders, root, CgroupVersion::kTwo, controller);
  append_hierarchy(folders, root, CgroupVersion::kOne, controller);
  return folders;
}

std::string read_first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace owind::config
