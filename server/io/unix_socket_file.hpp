// The file of a listening Unix socket: made with its rights before anybody can connect, removed when the
// socket closes, if it still is ours.
//
// Nobody can connect between bind and listen, so owner and mode are set there: no moment exists in which the
// socket answers with other rights, and neither the umask of the process nor a temporary name plays a part.
// Two servers that start at once on one path take turns by a lock on the folder, so that neither takes the
// other's new socket for a stale one.
#pragma once

#include <sys/types.h>

#include <string>

#include "server/io/endpoint.hpp"
#include "server/io/listen_settings.hpp"
#include "server/io/unique_fd.hpp"

namespace owind::io {

class UnixSocketFile {
 public:
  /// No file.
  UnixSocketFile() = default;
  UnixSocketFile(UnixSocketFile&& other) noexcept;
  UnixSocketFile& operator=(UnixSocketFile&& other) noexcept;
  /// As remove().
  ~UnixSocketFile();

  /// Binds `socket` to the path, sets the rights and listens. Replaces a socket file on which nobody listens.
  /// @throws StartupError; no file of ours is left then.
  static UnixSocketFile listen(int socket, const UnixPath& file, const ListenSettings& settings);

  /// Removes the file unless it was replaced by somebody else's. Call it before the socket closes: while the
  /// socket lives, no other file can have its inode number.
  void remove() noexcept;

 private:
  UniqueFd folder_;  ///< Keeps the file findable when the application changes the working directory.
  std::string name_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace owind::io
