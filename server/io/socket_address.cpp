#include "server/io/socket_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace owind::io {
namespace {

/// The number of an interface, given by its name or as that number.
std::uint32_t interface_index(const std::string& name) {
  if (const unsigned index = if_nametoindex(name.c_str()); index != 0) return index;
  std::uint32_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc{} || end != name.data() + name.size() || index == 0) {
    throw std::invalid_argument("there is no network interface \"" + name + "\"");
  }
  return index;
}

}  // namespace

SocketAddress SocketAddress::from(const TcpAddress& tcp) {
  SocketAddress address;
  if (!tcp.is_v6()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(tcp.port);
    if (inet_pton(AF_INET, tcp.host.c_str(), &v4.sin_addr) != 1) {
      throw std::invalid_argument("\"" + tcp.host + "\" is not an IPv4 address");
    }
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
    return address;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(tcp.port);
  const auto percent = tcp.host.find('%');
  if (inet_pton(AF_INET6, tcp.host.substr(0, percent).c_str(), &v6.sin6_addr) != 1) {
    throw std::invalid_argument("\"" + tcp.host + "\" is not an IPv6 address");
  }
  if (percent != std::string::npos) v6.sin6_scope_id = interface_index(tcp.host.substr(percent + 1));
  std::memcpy(&address.storage, &v6, sizeof v6);
  address.length = sizeof v6;
  return address;
}

SocketAddress SocketAddress::from(const UnixPath& file) {
  assert(file.path.size() <= Endpoint::kMaxUnixPathBytes);
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, file.path.data(), file.path.size());
  SocketAddress address;
  std::memcpy(&address.storage, &un, sizeof un);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + file.path.size() + 1);
  return address;
}

SocketAddress SocketAddress::of_socket(int fd) {
  SocketAddress address;
  socklen_t length = sizeof address.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &length) == 0) address.length = length;
  return address;
}

TcpAddress SocketAddress::to_tcp() const {
  assert(is_tcp());
  char out[INET6_ADDRSTRLEN];
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    return {inet_ntop(AF_INET, &v4.sin_addr, out, sizeof out), ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &storage, sizeof v6);
  std::string host = inet_ntop(AF_INET6, &v6.sin6_addr, out, sizeof out);
  if (v6.sin6_scope_id != 0) {
    char name[IF_NAMESIZE];
    host += '%';
    host += if_indextoname(v6.sin6_scope_id, name) != nullptr ? name : std::to_string(v6.sin6_scope_id);
  }
  return {host, ntohs(v6.sin6_port)};
}

std::string SocketAddress::to_string() const {
  if (is_tcp()) {
    const TcpAddress tcp = to_tcp();
    const std::string port = std::to_string(tcp.port);
    return tcp.is_v6() ? "[" + tcp.host + "]:" + port : tcp.host + ":" + port;
  }
  if (!is_unix()) return "a socket of family " + std::to_string(storage.ss_family);
  constexpr std::size_t offset = offsetof(sockaddr_un, sun_path);
  if (length <= offset) return "unix:";
  std::string path(reinterpret_cast<const char*>(&storage) + offset, length - offset);
  if (path.front() == '\0') {
    path.front() = '@';  // abstract: as ss and systemd show it
  } else {
    path.resize(path.find('\0') == std::string::npos ? path.size() : path.find('\0'));
  }
  return "unix:" + path;
}

}  // namespace owind::io
