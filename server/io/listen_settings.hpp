// What is decided about the listening sockets besides where they are.
#pragma once

#include <sys/types.h>

#include <string>

#include "server/io/allow_list.hpp"

namespace owind::io {

/// Owner and mode of the file of a Unix socket. Who may write to the file may connect (unix(7)).
struct SocketRights {
  /// As php-fpm's listen.mode: owner and group. Independent of the umask.
  mode_t mode = 0660;
  /// A name or a number; empty: that of this process.
  std::string owner;
  std::string group;
};

struct ListenSettings {
  SocketRights rights;
  /// Who may connect over TCP. Must not be empty for a FastCGI listener on an address that is not loopback.
  AllowList allow;
  /// Connections that the kernel keeps until they are accepted; it takes less when net.core.somaxconn is
  /// smaller. 4096 is that setting's default since Linux 5.4.
  int backlog = 4096;
};

}  // namespace owind::io
