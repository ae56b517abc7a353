// The sockets that a service manager opened for this process before it started it: the protocol of
// sd_listen_fds(3), without its library. Each socket is taken once.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace owind::io {

class InheritedSockets {
 public:
  /// The value of an environment variable, or nullptr.
  using Environment = std::function<const char*(const char* name)>;

  /// The first descriptor of the protocol (SD_LISTEN_FDS_START); the others follow it.
  static constexpr int kFirstFd = 3;

  /// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. Nothing is thrown here, since most starts have none:
  /// what is wrong is told by the take() that needs them.
  static InheritedSockets from_environment();
  InheritedSockets(const Environment& environment, pid_t self);

  /// The descriptors that are called `name`, or all that are left when it is empty. The caller owns them.
  /// @throws StartupError when this process was not started with sockets, or with none of that name, or all
  /// were taken.
  std::vector<int> take(std::string_view name);

  /// Marks one descriptor as taken, as `fd:N` does. @return false when it was taken before.
  bool take_descriptor(int fd);

 private:
  struct Socket {
    int fd;
    std::string name;
    bool taken = false;
  };
  std::vector<Socket> sockets_;
  std::vector<int> others_;  ///< Descriptors below or above those of the protocol that were taken.
  std::string problem_;      ///< Why there are none.
};

}  // namespace owind::io
