// Says which files under some folders have changed: by inotify, or by looking at all of them now and then
// where that does not work (network and container mounts, no watches left) or is not wanted.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "server/io/unique_fd.hpp"

namespace owind::dev {

class FileWatcher {
 public:
  enum class Method : unsigned char { kEvents, kPolling };
  enum class Depth : unsigned char {
    kBeside,  ///< The folder's own files.
    kBelow,   ///< And those of all folders in it but bin, obj, node_modules and hidden ones.
  };
  /// Whether a file matters, by its path.
  using Filter = std::function<bool(const std::filesystem::path&)>;

  FileWatcher(Method method, Depth depth, Filter filter);

  /// Nothing for one that is watched.
  void add(const std::filesystem::path& folder);

  /// To be watched for input; -1 while polling.
  int fd() const { return method_ == Method::kEvents ? fd_.get() : -1; }
  Method method() const { return method_; }
  /// How often to ask while polling: each time all files are looked at.
  static constexpr std::chrono::milliseconds kPollInterval{500};

  /// The files that matter and have changed, appeared or gone since the last call, each once. Does not wait.
  /// When events were lost: the folders; of a folder that was moved away: itself.
  std::vector<std::filesystem::path> changed();

 private:
  using Stamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;
  void watch(const std::filesystem::path& folder, bool report);
  void use_polling();
  std::vector<std::filesystem::path> read_events();
  std::vector<std::filesystem::path> compare();
  std::map<std::filesystem::path, Stamp> look() const;
  void forget(const std::filesystem::path& folder);
  bool is_root(const std::filesystem::path& folder) const;

  template <typename Each>
  void walk(const std::filesystem::path& root, Each&& each) const;

  Method method_;
  const Depth depth_;
  const Filter filter_;
  io::UniqueFd fd_;
  std::vector<std::filesystem::path> roots_;
  std::map<int, std::filesystem::path> folders_;  ///< By watch descriptor.
  std::set<std::filesystem::path> found_;
  std::map<std::filesystem::path, Stamp> seen_;
};

/// What a build reads, or a browser, as far as the name tells. Not what editors leave behind for a moment,
/// and nothing that an application writes while it runs (logs, data, databases): it would be built for ever.
bool is_source(const std::filesystem::path& file);

}  // namespace owind::dev
