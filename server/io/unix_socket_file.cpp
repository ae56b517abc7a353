#include "server/io/unix_socket_file.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "server/io/socket_address.hpp"
#include "server/io/startup_error.hpp"

namespace owind::io {
namespace {

std::string error_text(int error) { return std::generic_category().message(error); }

std::string user_text() { return "user number " + std::to_string(::geteuid()); }

[[noreturn]] void fail(const UnixPath& file, const std::string& why, const std::string& way_out) {
  throw StartupError("cannot listen on unix:" + file.path + ": " + why, way_out);
}

/// An id given as a number, or by its name in the user or group database.
template <typename Id, typename Entry>
Id look_up(const UnixPath& file, const std::string& text, const char* kind,
           int (*find)(const char*, Entry*, char*, std::size_t, Entry**), Id Entry::*member) {
  std::vector<char> buffer(1024);
  Entry entry{};
  Entry* found = nullptr;
  int error = 0;
  // A group with many members needs more room than sysconf tells.
  while ((error = find(text.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < (std::size_t{1} << 24)) {
    buffer.resize(buffer.size() * 2);
  }
  if (found != nullptr) return found->*member;
  Id id = 0;
  const auto [end, parse_error] = std::from_chars(text.data(), text.data() + text.size(), id);
  // All ones means "leave it as it is" to chown(2).
  if (parse_error == std::errc{} && end == text.data() + text.size() && id != std::numeric_limits<Id>::max())
    return id;
  fail(file, std::string("there is no ") + kind + " \"" + text + "\"",
       std::string("Give the name or the number of a ") + kind + " to --socket-" +
           (std::string_view(kind) == "user" ? "owner" : "group") + ".");
}

struct FolderAndName {
  std::string folder;
  std::string name;
};

FolderAndName split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// Holds the lock of the folder. The lock only keeps two starting servers apart; who may read the folder
/// could hold it for ever, so after two seconds, or where the folder may not be read, we go on without it.
class FolderLock {
 public:
  explicit FolderLock(int folder) : folder_(folder) {
    constexpr int kTries = 100;
    for (int i = 0; i < kTries; ++i) {
      locked_ = ::flock(folder, LOCK_EX | LOCK_NB) == 0;
      if (locked_ || (errno != EWOULDBLOCK && errno != EINTR)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (locked_) ::flock(folder_, LOCK_UN);
  }

 private:
  int folder_;
  bool locked_ = false;
};

UniqueFd open_folder(const UnixPath& file, const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A folder that we may write to but not list is enough to work, though not to lock.
  if (!fd && errno == EACCES) fd.reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  if (error == ENOENT) {
    fail(file, "the folder " + folder + " does not exist",
         "Create it, writable for the user that owind runs as; in a systemd unit: RuntimeDirectory=NAME.");
  }
  if (error == ENOTDIR) fail(file, folder + " is not a folder", "Choose another path.");
  fail(file, "cannot open the folder " + folder + ": " + error_text(error),
       "Let the user that owind runs as (" + user_text() + ") into it, or choose another path.");
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISREG(mode)) return "a file";
  return "a device or a pipe";
}

/// Leaves the path free, or throws.
void remove_stale(const UnixPath& file, int folder, const std::string& name) {
  struct stat found {};
  if (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
    return;  // bind tells what else is wrong
  if (!S_ISSOCK(found.st_mode)) {
    fail(file, std::string(kind_of(found.st_mode)) + " of this name exists, not a socket",
         "It is left alone: remove it if nobody needs it, or choose another path.");
  }
  const SocketAddress address = SocketAddress::from(file);
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) fail(file, "cannot make a socket: " + error_text(errno), "Raise the limit of open files.");
  const int error = ::connect(probe.get(), address.get(), address.length) == 0 ? 0 : errno;
  switch (error) {
    case ECONNREFUSED:
      break;
    case ENOENT:
      return;
    case 0:
    case EAGAIN:       // its queue is full
    case EPROTOTYPE:   // it is no stream socket
    case EINPROGRESS:  // not on Linux
      fail(file, "another process listens on it",
           "Stop that one (ss -lxp shows it; is owind running already?), or choose another path.");
    default:
      fail(file,
           "a socket of this name exists, and whether somebody listens on it cannot be found out: " +
               error_text(error),
           "Run as the user who owns it, remove it if nobody needs it, or choose another path.");
  }
  if (::unlinkat(folder, name.c_str(), 0) != 0 && errno != ENOENT) {
    fail(file, "a stale socket is in the way and cannot be removed: " + error_text(errno),
         "Remove it, or let the user that owind runs as (" + user_text() + ") do so.");
  }
}

[[noreturn]] void fail_bind(const UnixPath& file, const std::string& folder, int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      fail(file, "cannot create a socket in the folder " + folder + ": " + error_text(error),
           "Let the user that owind runs as (" + user_text() + ") write to it, or choose another path.");
    case EADDRINUSE:
      fail(file, "another process has just made it", "Start only one server on a path.");
    default:
      fail(file, error_text(error), "Choose another path.");
  }
}

}  // namespace

UnixSocketFile::UnixSocketFile(UnixSocketFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      name_(std::move(other.name_)),
      device_(other.device_),
      inode_(other.inode_) {}

UnixSocketFile& UnixSocketFile::operator=(UnixSocketFile&& other) noexcept {
  if (this != &other) {
    remove();
    folder_ = std::move(other.folder_);
    name_ = std::move(other.name_);
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

UnixSocketFile::~UnixSocketFile() { remove(); }

UnixSocketFile UnixSocketFile::listen(int socket, const UnixPath& path, const ListenSettings& settings) {
  const SocketRights& rights = settings.rights;
  // Before anything is touched: an unknown name is the likeliest mistake.
  const uid_t owner = rights.owner.empty()
                          ? static_cast<uid_t>(-1)
                          : look_up(path, rights.owner, "user", ::getpwnam_r, &passwd::pw_uid);
  const gid_t group = rights.group.empty()
                          ? static_cast<gid_t>(-1)
                          : look_up(path, rights.group, "group", ::getgrnam_r, &::group::gr_gid);
  auto [folder, name] = split(path.path);
  // Before the lock, so that the lock is gone when a failure removes the file. Nothing has inode 0.
  UnixSocketFile file;
  file.folder_ = open_folder(path, folder);
  file.name_ = name;
  const int folder_number = file.folder_.get();
  const FolderLock lock(folder_number);
  remove_stale(path, folder_number, name);

  const SocketAddress address = SocketAddress::from(path);
  if (::bind(socket, address.get(), address.length) != 0) fail_bind(path, folder, errno);
  struct stat made {};
  if (::fstatat(folder_number, name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISSOCK(made.st_mode)) {
    fail(path, "the socket vanished while it was made",
         "Keep other programs from changing the folder " + folder + ".");
  }
  file.device_ = made.st_dev;
  file.inode_ = made.st_ino;

  if ((owner != static_cast<uid_t>(-1) || group != static_cast<gid_t>(-1)) &&
      ::fchownat(folder_number, name.c_str(), owner, group, AT_SYMLINK_NOFOLLOW) != 0) {
    fail(path, "cannot give it to " + rights.owner + ":" + rights.group + ": " + error_text(errno),
         "Only root may give a file to another user, and others only to a group that they are in: run owind "
         "as that user, "
         "or add its user to the group.");
  }
  if (::fchmodat(folder_number, name.c_str(), rights.mode, 0) != 0) {
    fail(path, "cannot set its mode: " + error_text(errno),
         "Choose a folder in a file system that keeps modes.");
  }
  if (::listen(socket, settings.backlog) != 0) fail(path, error_text(errno), "Choose another path.");
  return file;
}

void UnixSocketFile::remove() noexcept {
  if (!folder_) return;
  {
    const FolderLock lock(folder_.get());
    struct stat found {};
    if (::fstatat(folder_.get(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISSOCK(found.st_mode) && found.st_dev == device_ && found.st_ino == inode_) {
      ::unlinkat(folder_.get(), name_.c_str(), 0);
    }
  }
  folder_.reset();
}

}  // namespace owind::io
