#include "hosting/runtime_locator.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWayOut =
    "install the .NET 10 runtime (https://dotnet.microsoft.com/download/dotnet/10.0), or set DOTNET_ROOT to "
    "the folder "
    "of an installation: the one that holds host/ and shared/";

struct Hostfxr {
  fs::path file;
  SemanticVersion version;
};

// The newest version below root/host/fxr that has the library; a folder without it (left behind by an
// upgrade) does not count.
std::optional<Hostfxr> newest_hostfxr(const fs::path& root) {
  std::optional<Hostfxr> newest;
  std::error_code error;
  for (fs::directory_iterator it(root / "host" / "fxr", error), end; !error && it != end;
       it.increment(error)) {
    auto version = SemanticVersion::parse(it->path().filename().string());
    if (!version || (newest && *version <= newest->version)) continue;
    fs::path file = it->path() / "libhostfxr.so";
    std::error_code ignored;
    if (fs::is_regular_file(file, ignored)) newest = Hostfxr{std::move(file), std::move(*version)};
  }
  return newest;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return text;
}

// The first line of an install_location file without white space around it; nothing when there is no such
// file.
std::optional<std::string> first_line(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) return std::nullopt;
  std::string line;
  std::getline(stream, line);
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  line.erase(std::find_if_not(line.rbegin(), line.rend(), is_space).base(), line.end());
  line.erase(line.begin(), std::find_if_not(line.begin(), line.end(), is_space));
  return line;
}

class Search {
 public:
  explicit Search(const Environment& environment) : environment_(environment) {}

  RuntimeLocation run() {
    for (const std::string& name : variable_names()) {
      if (auto found = try_variable(name)) return *std::move(found);
    }
    for (const fs::path& file : install_location_files()) {
      if (auto found = try_install_location(file)) return *std::move(found);
    }
    for (const char* folder : {"usr/share/dotnet", "usr/lib/dotnet", "usr/lib64/dotnet"}) {
      if (auto found = try_default(environment_.file_system_root / folder)) return *std::move(found);
    }
    if (auto found = try_path()) return *std::move(found);
    throw HostError("no .NET runtime was found: libhostfxr.so is in none of the places where it may be",
                    looked_at_, kWayOut);
  }

 private:
  std::vector<std::string> variable_names() const {
    if (environment_.architecture.empty()) return {"DOTNET_ROOT"};
    return {"DOTNET_ROOT_" + environment_.architecture, "DOTNET_ROOT"};
  }

  std::vector<fs::path> install_location_files() const {
    const fs::path folder = environment_.file_system_root / "etc" / "dotnet";
    if (environment_.architecture.empty()) return {folder / "install_location"};
    return {folder / ("install_location_" + lower(environment_.architecture)), folder / "install_location"};
  }

  std::optional<RuntimeLocation> try_variable(const std::string& name) {
    const auto value = environment_.value(name);
    if (!value) {
      note(name, "not set");
      return std::nullopt;
    }
    return take_named(name, *value);
  }

  std::optional<RuntimeLocation> try_install_location(const fs::path& file) {
    const auto line = first_line(file);
    if (!line) {
      note(file.string(), "no such file");
      return std::nullopt;
    }
    if (line->empty()) {
      note(file.string(), "its first line is empty");
      return std::nullopt;
    }
    return take_named(file.string(), *line);
  }

  // A place that the user named: final if it exists.
  std::optional<RuntimeLocation> take_named(const std::string& source, const std::string& value) {
    std::error_code error;
    const fs::path root = fs::absolute(value, error).lexically_normal();
    if (error || !fs::exists(root, error)) {
      note(source, value + " does not exist");
      ignored_.push_back(source + " names " + value + ", which does not exist: ignored");
      return std::nullopt;
    }
    if (auto found = newest_hostfxr(root)) return location(root, *std::move(found), source);
    note(source, root.string() + " has no host/fxr/<version>/libhostfxr.so");
    throw HostError(
        source + " names " + root.string() + ", but no .NET runtime is there",
        {"sought: " + (root / "host" / "fxr" / "<version>" / "libhostfxr.so").string(),
         "no other place is searched when " + source + " names one that exists"},
        "let it name the folder that holds host/ and shared/, remove the setting to search the default "
        "places, or install the .NET 10 runtime there");
  }

  std::optional<RuntimeLocation> try_default(const fs::path& root) {
    if (auto found = newest_hostfxr(root)) return location(root, *std::move(found), "the default folder");
    std::error_code error;
    note(root.string(),
         fs::exists(root, error) ? "has no host/fxr/<version>/libhostfxr.so" : "no such folder");
    return std::nullopt;
  }

  std::optional<RuntimeLocation> try_path() {
    const std::string path = environment_.value("PATH").value_or("");
    bool met_dotnet = false;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find(':', begin), path.size());
      const fs::path candidate = fs::path(path.substr(begin, end - begin)) / "dotnet";
      begin = end + 1;
      // An empty or relative entry means the current folder: what happens to lie there is not to be trusted.
      std::error_code error;
      if (!candidate.is_absolute() || !fs::is_regular_file(candidate, error)) continue;
      if (::access(candidate.c_str(), X_OK) != 0) continue;
      met_dotnet = true;
      const fs::path root = fs::canonical(candidate, error).parent_path();
      if (error) continue;
      if (auto found = newest_hostfxr(root)) return location(root, *std::move(found), "dotnet on PATH");
      note("PATH", candidate.string() + " leads to " + root.string() +
                       ", which has no host/fxr/<version>/libhostfxr.so");
    }
    if (!met_dotnet) note("PATH", "no dotnet");
    return std::nullopt;
  }

  RuntimeLocation location(const fs::path& root, Hostfxr&& found, std::string source) {
    return RuntimeLocation{root,
                           std::move(found.file),
                           std::move(found.version),
                           std::move(source),
                           std::move(ignored_),
                           std::move(looked_at_)};
  }

  void note(const std::string& place, const std::string& result) {
    looked_at_.push_back(place + ": " + result);
  }

  const Environment& environment_;
  std::vector<std::string> looked_at_;
  std::vector<std::string> ignored_;
};

}  // namespace

RuntimeLocation find_runtime(const Environment& environment) { return Search(environment).run(); }

}  // namespace owind::hosting
