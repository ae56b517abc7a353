#include "hosting/prerequisites.hpp"

#include <algorithm>
#include <cctype>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

// The versions that .NET 10 itself tries, newest first (its own check begins at 90 as well).
constexpr int kNewestIcu = 90;
constexpr int kOldestIcu = 50;
constexpr int kLastIcuPart = 5;

bool equals_ignoring_case(const std::string& text, const std::string& word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

std::optional<std::string> find(const std::map<std::string, std::string>& properties, const char* name) {
  const auto found = properties.find(name);
  if (found == properties.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

// The .NET 10 name of a variable goes before the older one.
std::optional<std::string> version_override(const Environment& environment, const std::string& what) {
  auto value = environment.value("DOTNET_" + what + "_VERSION_OVERRIDE");
  return value ? value : environment.value("CLR_" + what + "_VERSION_OVERRIDE");
}

bool has_icu(const LibraryProbe& probe, const std::string& version) {
  return probe("libicuuc.so." + version) && probe("libicui18n.so." + version);
}

bool has_any_icu(const LibraryProbe& probe) {
  for (int version = kNewestIcu; version >= kOldestIcu; --version) {
    if (has_icu(probe, std::to_string(version))) return true;
  }
  // Libraries without their major-version link: rare, so looked for last.
  for (int version = kNewestIcu; version >= kOldestIcu; --version) {
    for (int part = kLastIcuPart; part >= 1; --part) {
      if (has_icu(probe, std::to_string(version) + '.' + std::to_string(part))) return true;
    }
  }
  return false;
}

}  // namespace

bool is_globalization_invariant(const Environment& environment,
                                const std::map<std::string, std::string>& properties) {
  if (const auto variable = environment.value("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT")) {
    if (*variable == "1" || equals_ignoring_case(*variable, "true")) return true;
    if (*variable == "0" || equals_ignoring_case(*variable, "false")) return false;
  }
  const auto property = find(properties, "System.Globalization.Invariant");
  return property && equals_ignoring_case(*property, "true");
}

void require_icu(const Environment& environment, const std::map<std::string, std::string>& properties,
                 const LibraryProbe& probe) {
  if (is_globalization_invariant(environment, properties)) return;
  if (find(properties, "System.Globalization.AppLocalIcu") ||
      environment.value("DOTNET_SYSTEM_GLOBALIZATION_APPLOCALICU")) {
    return;
  }
  const auto wanted = version_override(environment, "ICU");
  if (wanted && has_icu(probe, *wanted)) return;
  if (has_any_icu(probe)) return;

  std::string sought = "sought: libicuuc.so.N and libicui18n.so.N";
  if (wanted) sought += " with N = " + *wanted + " (from the environment), then";
  sought += " for N from " + std::to_string(kNewestIcu) + " down to " + std::to_string(kOldestIcu) +
            ", in the library folders of the system and LD_LIBRARY_PATH";
  throw HostError("the library libicu is missing, and without it .NET ends the whole process", {sought},
                  "install it (Debian 12: apt-get install libicu72; Ubuntu 24.04: libicu74; Fedora: libicu; "
                  "Alpine: icu-libs), or "
                  "set DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 if the application needs no cultures");
}

void require_openssl(const Environment& environment, const LibraryProbe& probe) {
  const auto wanted = version_override(environment, "OPENSSL");
  if (wanted && probe("libssl.so." + *wanted)) return;
  for (const char* name : {"libssl.so.3", "libssl.so.1.1"}) {
    if (probe(name)) return;
  }
  std::string sought = "sought: ";
  if (wanted) sought += "libssl.so." + *wanted + " (from the environment), then ";
  sought += "libssl.so.3 and libssl.so.1.1, in the library folders of the system and LD_LIBRARY_PATH";
  throw HostError("the library libssl is missing, and without it .NET ends the whole process at the first use of "
                  "cryptography (hashes, TLS, data protection)",
                  {sought}, "install it (Debian 12, Ubuntu: apt-get install libssl3; Fedora: openssl-libs; Alpine: libssl3)");
}

}  // namespace owind::hosting
