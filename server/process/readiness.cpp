#include "server/process/readiness.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>

namespace owind::process {

Readiness Readiness::from_environment() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return Readiness(socket == nullptr ? "" : socket);
}

bool Readiness::ready(std::string_view status) const noexcept { return send("READY=1", status); }
bool Readiness::stopping(std::string_view status) const noexcept { return send("STOPPING=1", status); }
bool Readiness::status(std::string_view text) const noexcept { return send({}, text); }

bool Readiness::send(std::string_view state, std::string_view status) const noexcept try {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // vsock: and relative paths are not for processes on this machine.
  if (socket_.size() < 2 || socket_.size() >= sizeof address.sun_path) return false;
  if (socket_.front() != '/' && socket_.front() != '@') return false;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  std::size_t length = offsetof(sockaddr_un, sun_path) + socket_.size();
  if (socket_.front() == '@') {
    address.sun_path[0] = '\0';  // the length ends an abstract name
  } else {
    ++length;
  }

  std::string message(state);
  if (!status.empty()) {
    if (!message.empty()) message += '\n';
    message += "STATUS=";
    // A line end would begin the next variable.
    std::transform(status.begin(), status.end(), std::back_inserter(message),
                   [](char c) { return c == '\n' || c == '\r' || c == '\0' ? ' ' : c; });
  }
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  // A busy manager gets some time, because a lost READY=1 would end the start; one that reads nothing must
  // not stop us.
  const timeval patience{5, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const ssize_t sent = ::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
  ::close(fd);
  return sent == static_cast<ssize_t>(message.size());
} catch (const std::exception&) {
  return false;
}

}  // namespace owind::process
