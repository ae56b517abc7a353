#include "server/dev/file_watcher.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_MOVE_SELF | IN_ONLYDIR;

bool is_skipped(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name.starts_with('.') || name == "bin" || name == "obj" || name == "node_modules";
}

template <typename Each>
void each_file(const fs::path& folder, Each&& each) {
  std::error_code error;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    std::error_code ignored;
    if (entries->is_regular_file(ignored)) each(*entries);
  }
}

}  // namespace

/// Calls `each` with every folder from `root` down that is watched.
template <typename Each>
void FileWatcher::walk(const fs::path& root, Each&& each) const {
  each(root);
  if (depth_ == Depth::kBeside) return;
  std::error_code error;
  fs::recursive_directory_iterator entries(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    std::error_code ignored;
    // Links to folders are not followed: they could lead in a circle.
    if (entries->is_symlink(ignored) || !entries->is_directory(ignored)) continue;
    if (is_skipped(entries->path()))
      entries.disable_recursion_pending();
    else
      each(entries->path());
  }
}

FileWatcher::FileWatcher(Method method, Depth depth, Filter filter)
    : method_(method), depth_(depth), filter_(std::move(filter)) {
  if (method_ == Method::kPolling) return;
  fd_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd_) method_ = Method::kPolling;
}

void FileWatcher::add(const fs::path& folder) {
  for (const fs::path& root : roots_) {
    const auto [end, ignored] = std::mismatch(root.begin(), root.end(), folder.begin(), folder.end());
    if (depth_ == Depth::kBeside ? root == folder : end == root.end()) return;
  }
  roots_.push_back(folder);
  if (method_ == Method::kEvents) watch(folder, false);
  if (method_ == Method::kPolling) seen_ = look();
}

void FileWatcher::watch(const fs::path& root, bool report) {
  walk(root, [&](const fs::path& folder) {
    if (method_ == Method::kPolling) return;
    const int watch = ::inotify_add_watch(fd_.get(), folder.c_str(), kEvents);
    if (watch < 0) {
      // ENOENT and the like: it has gone meanwhile.
      if (errno == ENOSPC || errno == ENOMEM) use_polling();
      return;
    }
    folders_[watch] = folder;
    // What was put into a new folder before it was watched.
    if (report)
      each_file(folder, [&](const fs::directory_entry& file) {
        if (filter_(file.path())) found_.insert(file.path());
      });
  });
}

void FileWatcher::use_polling() {
  method_ = Method::kPolling;
  fd_.reset();
  folders_.clear();
  seen_ = look();
}

std::vector<fs::path> FileWatcher::changed() {
  return method_ == Method::kEvents ? read_events() : compare();
}

std::vector<fs::path> FileWatcher::read_events() {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  while (method_ == Method::kEvents) {
    const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    for (const char* at = buffer.data(); at < buffer.data() + n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event->len;
      if (event->mask & IN_Q_OVERFLOW) {
        found_.insert(roots_.begin(), roots_.end());
        for (const fs::path& root : std::vector(roots_)) watch(root, false);
        continue;
      }
      const auto folder = folders_.find(event->wd);
      if (folder == folders_.end()) continue;
      if (event->mask & (IN_IGNORED | IN_MOVE_SELF)) {
        // A project that has gone, or was moved away, can come back in the place; that only looking can tell.
        const bool root = is_root(folder->second);
        if (event->mask & IN_IGNORED) folders_.erase(folder);
        if (!root) continue;
        found_.insert(roots_.begin(), roots_.end());
        use_polling();
        break;
      }
      if (event->len == 0) continue;
      const fs::path path = folder->second / event->name;
      if (event->mask & IN_ISDIR) {
        if (depth_ == Depth::kBeside) continue;
        if ((event->mask & (IN_CREATE | IN_MOVED_TO)) && !is_skipped(path)) watch(path, true);
        // One that is deleted was emptied before, file by file.
        if ((event->mask & IN_MOVED_FROM) && !is_skipped(path)) {
          found_.insert(path);
          forget(path);
        }
        continue;
      }
      // A file that was made is looked at when it has been written.
      if ((event->mask & ~static_cast<std::uint32_t>(IN_CREATE)) && filter_(path)) found_.insert(path);
    }
  }
  std::vector<fs::path> paths(found_.begin(), found_.end());
  found_.clear();
  return paths;
}

std::map<fs::path, FileWatcher::Stamp> FileWatcher::look() const {
  std::map<fs::path, Stamp> stamps;
  for (const fs::path& root : roots_)
    walk(root, [&](const fs::path& folder) {
      each_file(folder, [&](const fs::directory_entry& file) {
        if (!filter_(file.path())) return;
        std::error_code error;
        const auto time = file.last_write_time(error);
        const auto size = file.file_size(error);
        if (!error) stamps[file.path()] = {time, size};
      });
    });
  return stamps;
}

/// What is watched below a folder that has got another name.
void FileWatcher::forget(const fs::path& folder) {
  for (auto at = folders_.begin(); at != folders_.end();) {
    const auto [end, ignored] =
        std::mismatch(folder.begin(), folder.end(), at->second.begin(), at->second.end());
    if (end != folder.end()) {
      ++at;
      continue;
    }
    ::inotify_rm_watch(fd_.get(), at->first);
    at = folders_.erase(at);
  }
}

bool FileWatcher::is_root(const fs::path& folder) const {
  return std::find(roots_.begin(), roots_.end(), folder) != roots_.end();
}

std::vector<fs::path> FileWatcher::compare() {
  std::vector<fs::path> paths(found_.begin(), found_.end());
  found_.clear();
  auto now = look();
  for (const auto& [path, stamp] : now) {
    const auto before = seen_.find(path);
    if (before == seen_.end() || before->second != stamp) paths.push_back(path);
  }
  for (const auto& [path, stamp] : seen_)
    if (!now.contains(path)) paths.push_back(path);
  seen_ = std::move(now);
  return paths;
}

bool is_source(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.starts_with('.') || name.starts_with('#')) return name == ".editorconfig";
  constexpr std::array<std::string_view, 26> kEndings = {
      // languages
      ".cs", ".vb", ".fs", ".fsi", ".resx", ".razor", ".cshtml", ".vbhtml",
      // builds
      ".csproj", ".vbproj", ".fsproj", ".proj", ".projitems", ".props", ".targets", ".ruleset",
      ".globalconfig",
      // settings; other JSON and XML is data
      ".config",
      // what pages are made of
      ".html", ".htm", ".css", ".js", ".mjs", ".svg", ".md", ".xaml"};
  const std::string ending = file.extension().string();
  if (std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end()) return true;
  return ending == ".json" && (name.starts_with("appsettings") || name == "global.json" ||
                               name == "packages.lock.json" || name.ends_with("runtimeconfig.template.json"));
}

}  // namespace owind::dev
