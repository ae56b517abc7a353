// Where a listener listens, as a user writes it: an address and port, the path of a Unix socket, or a socket
// that somebody else has opened (FastCGI 1.0 §2.2, systemd). A value: parsing opens nothing and resolves no
// names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace owind::io {

/// What is spoken on the connections of a listener.
enum class Scheme : std::uint8_t { kFcgi, kHttp };

/// A numeric address: the result of a name would depend on the moment of the look-up.
struct TcpAddress {
  /// IPv4 or IPv6 in its canonical form, without brackets; IPv6 may end in %INTERFACE.
  std::string host;
  /// 0 lets the kernel choose one.
  std::uint16_t port = 0;

  bool is_v6() const noexcept { return host.find(':') != std::string::npos; }
  /// 127.0.0.0/8, ::1, or the former mapped into IPv6.
  bool is_loopback() const;
  friend bool operator==(const TcpAddress&, const TcpAddress&) = default;
};

/// A path in the file system, absolute or relative to the working directory, at most kMaxUnixPathBytes long.
struct UnixPath {
  std::string path;
  friend bool operator==(const UnixPath&, const UnixPath&) = default;
};

/// A listening socket that this process was started with; 0 is what FastCGI 1.0 §2.2 calls
/// FCGI_LISTENSOCK_FILENO.
struct InheritedDescriptor {
  int fd = 0;
  friend bool operator==(const InheritedDescriptor&, const InheritedDescriptor&) = default;
};

/// The sockets of a systemd .socket unit: those of its FileDescriptorName, or all when the name is empty.
struct SystemdSockets {
  std::string name;
  friend bool operator==(const SystemdSockets&, const SystemdSockets&) = default;
};

struct Endpoint {
  using Place = std::variant<TcpAddress, UnixPath, InheritedDescriptor, SystemdSockets>;

  /// sun_path holds 108 bytes, the last of which is a NUL (unix(7)).
  static constexpr std::size_t kMaxUnixPathBytes = 107;

  Scheme scheme = Scheme::kFcgi;
  Place place;

  /// Reads `[fcgi://|http://]` and one of `ADDRESS:PORT`, `[IPV6]:PORT`, `localhost:PORT` (127.0.0.1), `PORT`
  /// and
  /// `:PORT` (127.0.0.1 as well: FastCGI has no authentication, so every wider address is written out),
  /// `unix:PATH`, `fd:N`, `systemd[:NAME]`.
  /// @throws std::invalid_argument that quotes `text`, says what is wrong, what was expected, and shows
  /// examples.
  static Endpoint parse(std::string_view text);

  /// With its scheme; parse(to_string()) is equal to *this.
  std::string to_string() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace owind::io
