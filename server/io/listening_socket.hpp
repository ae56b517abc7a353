// Listening sockets: an endpoint becomes an open descriptor, or a StartupError says why not. Knows nothing of
// connections; who may connect is checked by the listener (allow_list.hpp).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/io/endpoint.hpp"
#include "server/io/inherited_sockets.hpp"
#include "server/io/listen_settings.hpp"
#include "server/io/unique_fd.hpp"
#include "server/io/unix_socket_file.hpp"

namespace owind::io {

/// Non-blocking, closed on exec. Owns its descriptor and, if it made one, the file of its Unix socket: both
/// go with it.
class ListeningSocket {
 public:
  ListeningSocket(ListeningSocket&&) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&&) noexcept;
  ~ListeningSocket() { close(); }

  /// -1 after close().
  int fd() const noexcept { return fd_.get(); }

  /// One more descriptor of the same socket, for an event loop that wants to own one. Connections are refused
  /// only after all of them were closed.
  /// @throws std::system_error when the process has no descriptor left.
  UniqueFd duplicate() const;

  /// As asked for, with the port that the kernel chose in place of 0.
  const Endpoint& endpoint() const noexcept { return endpoint_; }
  Scheme scheme() const noexcept { return endpoint_.scheme; }
  /// Whether its peers have addresses that an AllowList can know. Everybody who may write to a Unix socket
  /// may connect.
  bool is_tcp() const noexcept { return tcp_; }

  /// For people: "fcgi://127.0.0.1:9000", "fcgi://fd:3 (unix:/run/x.sock)".
  std::string to_string() const;

  /// Removes the file and closes the descriptor; nothing more when called again.
  void close() noexcept;

 private:
  friend std::vector<ListeningSocket> open_listening_sockets(std::span<const Endpoint>, const ListenSettings&,
                                                             InheritedSockets&);
  ListeningSocket(const Endpoint& endpoint, UniqueFd fd, UnixSocketFile file);

  Endpoint endpoint_;
  std::string bound_to_;  ///< Of an inherited socket.
  bool tcp_ = false;
  UniqueFd fd_;
  UnixSocketFile file_;
};

/// Whether `fd` is a socket that listens: how a process is told its listener (FastCGI 1.0 §2.2).
bool is_listening(int fd) noexcept;

/// Opens all `endpoints`, in their order; `systemd` may become several sockets.
/// @throws StartupError; what was opened before is closed again.
std::vector<ListeningSocket> open_listening_sockets(std::span<const Endpoint> endpoints,
                                                    const ListenSettings& settings,
                                                    InheritedSockets& inherited);

}  // namespace owind::io
