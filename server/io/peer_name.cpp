#include "server/io/peer_name.hpp"

#include <sys/socket.h>

#include "server/io/socket_address.hpp"

namespace owind::io {
namespace {

std::string far_end(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  // A Unix peer has no address of its own; the kernel remembers who connected.
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid > 0)
    return "process " + std::to_string(peer.pid) + " (uid " + std::to_string(peer.uid) + ")";
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0 || !address.is_tcp())
    return "unknown";
  return address.to_string();
}

}  // namespace

std::string peer_name(int fd) {
  const SocketAddress here = SocketAddress::of_socket(fd);
  return far_end(fd) + " to " + (here.length ? here.to_string() : "unknown");
}

}  // namespace owind::io
