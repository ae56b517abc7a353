// A connection that this process makes to a server, with one deadline for all that is done on it: for
// commands that ask a running server something. Blocking; the serving half does not use it.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>

#include "server/io/endpoint.hpp"
#include "server/io/unique_fd.hpp"

namespace owind::io {

/// One line without a full stop that says what did not work.
class ClientError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ClientSocket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Connects to an address or a Unix socket; fd: and systemd: endpoints cannot be connected to.
  /// @throws ClientError, also when the deadline passes, as both functions below.
  ClientSocket(const Endpoint& endpoint, Deadline deadline);

  /// Sends all of it.
  void send(std::span<const std::byte> bytes);
  /// Waits for some bytes. @return how many there are now in `buffer`; 0 at the end of the connection.
  std::size_t receive(std::span<std::byte> buffer);

 private:
  void wait(short events) const;

  UniqueFd fd_;
  Deadline deadline_;
};

}  // namespace owind::io
