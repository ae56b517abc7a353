#include "hosting/temporary_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

// Writes all of `content` and closes `fd`. Returns 0 or an errno; a full disk may show only at close.
int write_and_close(int fd, std::string_view content) {
  int failure = 0;
  while (!content.empty() && failure == 0) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written >= 0) {
      content.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      failure = errno;
    }
  }
  if (::close(fd) != 0 && failure == 0 && errno != EINTR) failure = errno;
  return failure;
}

}  // namespace

TemporaryFile::TemporaryFile(const std::vector<std::filesystem::path>& folders, std::string_view suffix,
                             std::string_view content) {
  std::vector<std::string> tried;
  for (const std::filesystem::path& folder : folders) {
    if (!folder.is_absolute()) continue;
    std::string name = (folder / "owind-XXXXXX").string().append(suffix);
    const int fd = ::mkostemps(name.data(), static_cast<int>(suffix.size()), O_CLOEXEC);
    int failure = errno;
    if (fd >= 0) {
      failure = write_and_close(fd, content);
      if (failure == 0) {
        path_ = std::move(name);
        return;
      }
      ::unlink(name.c_str());
    }
    tried.push_back(folder.string() + ": " + std::strerror(failure));
  }
  throw HostError("no folder for a small temporary file could be written", tried,
                  "set TMPDIR to a folder that owind may write");
}

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

}  // namespace owind::hosting
