#include "hosting/framework_check.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>
#include <utility>

namespace owind::hosting {
namespace {

namespace fs = std::filesystem;

bool same_word(const std::string& left, const char* right) {
  const std::string other = right;
  return std::equal(left.begin(), left.end(), other.begin(), other.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

std::string join(const std::vector<SemanticVersion>& versions) {
  std::string text;
  for (const SemanticVersion& version : versions)
    text.append(text.empty() ? "" : ", ").append(version.to_string());
  return text;
}

}  // namespace

InstalledFrameworks list_frameworks(const fs::path& root) {
  InstalledFrameworks installed;
  std::error_code error;
  for (fs::directory_iterator it(root / "shared", error), end; !error && it != end; it.increment(error)) {
    std::vector<SemanticVersion> versions;
    std::error_code inner;
    for (fs::directory_iterator sub(it->path(), inner), last; !inner && sub != last; sub.increment(inner)) {
      if (auto version = SemanticVersion::parse(sub->path().filename().string())) {
        versions.push_back(std::move(*version));
      }
    }
    std::sort(versions.begin(), versions.end());
    if (!versions.empty()) installed[it->path().filename().string()] = std::move(versions);
  }
  return installed;
}

bool satisfies(const SemanticVersion& installed, const SemanticVersion& wanted, const std::string& policy) {
  if (same_word(policy, "Disable")) return installed == wanted;
  if (installed < wanted) return false;
  if (same_word(policy, "Major") || same_word(policy, "LatestMajor")) return true;
  if (installed.major != wanted.major) return false;
  return !same_word(policy, "LatestPatch") || installed.minor == wanted.minor;
}

std::vector<std::string> explain_frameworks(const RuntimeConfig& config, const InstalledFrameworks& installed,
                                            const std::optional<std::string>& forced_policy) {
  std::vector<std::string> lines;
  for (const FrameworkRequest& request : config.frameworks) {
    const std::string policy =
        forced_policy.value_or(request.roll_forward.value_or(config.roll_forward.value_or("Minor")));
    std::string line =
        "wanted: " + request.name + " " + request.version + " (rollForward " + policy + "); installed: ";
    const auto found = installed.find(request.name);
    if (found == installed.end()) {
      line += "none";
    } else {
      line += join(found->second);
      const auto wanted = SemanticVersion::parse(request.version);
      if (!wanted) {
        line += " (the wanted version is not of the form 1.2.3)";
      } else if (std::none_of(
                     found->second.begin(), found->second.end(),
                     [&](const SemanticVersion& version) { return satisfies(version, *wanted, policy); })) {
        line += ", none of which fits";
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace owind::hosting
