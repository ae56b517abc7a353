// The address of a socket as the kernel gives and takes it, and as people read it.
#pragma once

#include <sys/socket.h>

#include <string>

#include "server/io/endpoint.hpp"

namespace owind::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }

  /// The numeric address of `tcp`; looks the interface of a link-local address up.
  /// @throws std::invalid_argument when there is no such interface.
  static SocketAddress from(const TcpAddress& tcp);

  /// `file.path` is at most Endpoint::kMaxUnixPathBytes long.
  static SocketAddress from(const UnixPath& file);

  /// What `fd` is bound to; length 0 when the kernel gives none.
  static SocketAddress of_socket(int fd);

  bool is_tcp() const noexcept { return storage.ss_family == AF_INET || storage.ss_family == AF_INET6; }
  bool is_unix() const noexcept { return storage.ss_family == AF_UNIX; }

  /// Only of TCP addresses; IPv4 mapped into IPv6 is left as it is.
  TcpAddress to_tcp() const;

  /// "127.0.0.1:9000", "[::1]:9000", "unix:/run/x.sock", "unix:" for a socket without a name.
  std::string to_string() const;
};

}  // namespace owind::io
