// Tells the service manager how far the process is: the protocol of sd_notify(3), one datagram a message to
// the socket that $NOTIFY_SOCKET names. Without the variable, or when nobody takes the message, nothing
// happens: readiness is a courtesy.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace owind::process {

/// Any thread may call any function.
class Readiness {
 public:
  static Readiness from_environment();

  /// `socket` is a path, a name after "@" for an abstract socket, or empty: nobody listens.
  explicit Readiness(std::string socket) : socket_(std::move(socket)) {}

  /// Connections are taken. `status` is one line for people (systemctl status shows it); may be empty.
  /// @return, as the others, whether the manager took the message.
  bool ready(std::string_view status = {}) const noexcept;
  /// The process has begun to end.
  bool stopping(std::string_view status = {}) const noexcept;
  bool status(std::string_view text) const noexcept;

 private:
  bool send(std::string_view state, std::string_view status) const noexcept;

  std::string socket_;
};

}  // namespace owind::process
