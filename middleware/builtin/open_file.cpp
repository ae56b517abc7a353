#include "middleware/builtin/open_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace owind::middleware {
namespace {

// O_NONBLOCK: to open a FIFO does not wait for its writer.
constexpr int kRead = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

/// Without openat2(2) (before Linux 5.6, and in sandboxes that do not know it): one segment at a time, and no
/// symbolic link at all.
int open_by_segments(int folder, const std::string& name) {
  int at = folder;
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = name.find('/', begin);
    const std::string segment = name.substr(begin, slash == name.npos ? name.npos : slash - begin);
    const bool last = slash == name.npos;
    int next = -1;
    if (segment == "..")
      errno = EXDEV;
    else
      next = ::openat(at, segment.empty() ? "." : segment.c_str(),
                      (last ? kRead : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW);
    const int error = errno;
    if (at != folder) ::close(at);
    errno = error;
    if (next < 0 || last) return next;
    at = next;
    begin = slash + 1;
  }
}

void close_descriptor(const int* fd) {
  ::close(*fd);
  delete fd;
}

int open_beneath(int folder, const std::string& name) {
  open_how how{};
  how.flags = kRead;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0;; ++tries) {
    const long fd = ::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    // EAGAIN: something was renamed meanwhile, and the kernel cannot tell whether we are still inside.
    if (errno == EAGAIN && tries < 8) continue;
    if (errno == ENOSYS || errno == EPERM) return open_by_segments(folder, name);
    return -1;
  }
}

}  // namespace

OpenFile::Found OpenFile::open_below(const std::string& folder, const std::string& name) {
  close();
  const int root = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = -1;
  if (root >= 0) {
    fd = open_beneath(root, name);
    error_ = errno;
    ::close(root);
  } else {
    error_ = errno;
  }
  if (fd < 0) {
    switch (error_) {
      case EACCES:
        return Found::kDenied;
      case ENOENT:
      case ENOTDIR:
      case ELOOP:
      case EXDEV:
      case ENAMETOOLONG:
      case EISDIR:
      case ENXIO:  // A socket.
      case EINVAL:
      case EILSEQ:
        return Found::kNothing;
      default:
        return Found::kFailed;
    }
  }
  descriptor_ = std::shared_ptr<const int>(new int(fd), close_descriptor);
  struct stat about;
  if (::fstat(fd, &about) != 0) {
    error_ = errno;
    close();
    return Found::kFailed;
  }
  if (!S_ISREG(about.st_mode)) {
    close();
    return S_ISDIR(about.st_mode) ? Found::kFolder : Found::kNothing;
  }
  size_ = static_cast<std::uint64_t>(about.st_size);
  modified_ns_ = std::int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
  return Found::kFile;
}

std::int64_t OpenFile::read(std::span<std::byte> buffer, std::uint64_t offset) const {
  while (true) {
    const ssize_t n = ::pread(*descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n >= 0 || errno != EINTR) return n;
  }
}

}  // namespace owind::middleware
