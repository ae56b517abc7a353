#include "server/io/client_socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <variant>

#include "server/io/socket_address.hpp"

namespace owind::io {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  throw ClientError(what + ": " + std::generic_category().message(error));
}

SocketAddress address_of(const Endpoint& endpoint) {
  if (const auto* tcp = std::get_if<TcpAddress>(&endpoint.place)) {
    try {
      return SocketAddress::from(*tcp);
    } catch (const std::invalid_argument& problem) {
      throw ClientError(problem.what());
    }
  }
  if (const auto* file = std::get_if<UnixPath>(&endpoint.place)) return SocketAddress::from(*file);
  throw ClientError("an inherited socket has no address to connect to");
}

}  // namespace

ClientSocket::ClientSocket(const Endpoint& endpoint, Deadline deadline) : deadline_(deadline) {
  const SocketAddress address = address_of(endpoint);
  fd_.reset(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_) fail("cannot make a socket", errno);
  if (::connect(fd_.get(), address.get(), address.length) == 0) return;
  // A Unix socket whose backlog is full says EAGAIN, and nothing tells when there is room: not healthy
  // either.
  if (errno != EINPROGRESS && errno != EINTR) fail("cannot connect", errno);
  wait(POLLOUT);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) fail("cannot connect", error);
}

void ClientSocket::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait(POLLOUT);
    } else if (errno != EINTR) {
      fail("cannot send", errno);
    }
  }
}

std::size_t ClientSocket::receive(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t received = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (errno == EAGAIN) {
      wait(POLLIN);
    } else if (errno != EINTR) {
      fail("cannot receive", errno);
    }
  }
}

void ClientSocket::wait(short events) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
    pollfd watched{fd_.get(), events, 0};
    const int ready =
        left > 0 ? ::poll(&watched, 1, static_cast<int>(std::min<long long>(left, 3'600'000))) : 0;
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) fail("cannot wait", errno);
    if (ready == 0 && std::chrono::steady_clock::now() >= deadline_) throw ClientError("no answer in time");
  }
}

}  // namespace owind::io
