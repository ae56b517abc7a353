#include "server/dev/own_inodes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "server/io/unique_fd.hpp"

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

bool same(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

bool copy_bytes(int from, int to) {
  char buffer[64 * 1024];
  while (true) {
    const ssize_t n = ::read(from, buffer, sizeof buffer);
    if (n <= 0) return n == 0;
    for (ssize_t done = 0; done < n;) {
      const ssize_t written = ::write(to, buffer + done, static_cast<std::size_t>(n - done));
      if (written < 0) return false;
      done += written;
    }
  }
}

}  // namespace

std::vector<fs::path> mapped_files(pid_t process, const fs::path& folder) {
  std::vector<fs::path> files;
  // The kernel names files without symbolic links; the caller gets them as it names the folder.
  std::error_code ignored;
  const std::string prefix = fs::weakly_canonical(folder, ignored).string() + "/";
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    // A file without a name any more ends in " (deleted)", and is no path.
    const std::size_t at = line.find('/');
    if (at == std::string::npos || line.compare(at, prefix.size(), prefix) != 0) continue;
    fs::path file = folder / line.substr(at + prefix.size());
    std::error_code error;
    if (fs::is_regular_file(file, error)) files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

bool replace_by_copy(const fs::path& file) {
  const io::UniqueFd from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat before {};
  if (!from || ::fstat(from.get(), &before) != 0) return false;
  const std::string beside = file.string() + ".owind";
  const io::UniqueFd to(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, before.st_mode & 07777));
  if (!to) return false;
  const timespec times[] = {before.st_atim, before.st_mtim};
  struct stat after {};
  const bool done = copy_bytes(from.get(), to.get()) && ::futimens(to.get(), times) == 0 &&
                    ::stat(file.c_str(), &after) == 0 && same(before, after) &&
                    std::rename(beside.c_str(), file.c_str()) == 0;
  if (!done) ::unlink(beside.c_str());
  return done;
}

}  // namespace owind::dev
