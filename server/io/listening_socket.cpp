#include "server/io/listening_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "server/io/socket_address.hpp"
#include "server/io/startup_error.hpp"

namespace owind::io {
namespace {

std::string error_text(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const Endpoint& endpoint, const std::string& why, const std::string& way_out) {
  throw StartupError("cannot listen on " + endpoint.to_string() + ": " + why, way_out);
}

UniqueFd make_socket(const Endpoint& endpoint, int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd) return fd;
  const int error = errno;
  if (error == EAFNOSUPPORT) {
    fail(endpoint, "this machine has no IPv" + std::string(family == AF_INET6 ? "6" : "4"),
         "Give an address of the other family.");
  }
  if (error == EMFILE || error == ENFILE) {
    fail(endpoint, "no descriptor is left: " + error_text(error),
         "Raise the limit of open files (ulimit -n).");
  }
  fail(endpoint, "cannot make a socket: " + error_text(error), "See socket(2) for this error.");
}

void set_option(int fd, int level, int name, int value) noexcept {
  // None of them is worth refusing to start for.
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

[[noreturn]] void fail_tcp(const Endpoint& endpoint, const TcpAddress& tcp, int error) {
  const std::string port = std::to_string(tcp.port);
  switch (error) {
    case EADDRINUSE:
      fail(endpoint, "another process listens there",
           "Stop that one (ss -ltnp 'sport = :" + port +
               "' shows it; is owind running already?), or choose another port.");
    case EADDRNOTAVAIL:
      fail(endpoint, "no network interface of this machine has the address " + tcp.host,
           "Give one that it has (ip -brief address shows them), or 127.0.0.1.");
    case EACCES:
    case EPERM:
      fail(endpoint,
           "not permitted for user number " + std::to_string(::geteuid()) + ": " + error_text(error),
           "Choose a port from 1024 upwards, or give owind the capability CAP_NET_BIND_SERVICE.");
    default:
      fail(endpoint, error_text(error), "Choose another address or port.");
  }
}

UniqueFd open_tcp(const Endpoint& endpoint, const TcpAddress& tcp, const ListenSettings& settings) {
  SocketAddress address;
  try {
    address = SocketAddress::from(tcp);
  } catch (const std::invalid_argument& problem) {
    fail(endpoint, problem.what(), "ip -brief link shows the interfaces of this machine.");
  }
  UniqueFd fd = make_socket(endpoint, address.storage.ss_family);
  // Connections of a previous process in TIME_WAIT must not keep the port from us.
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // Inherited by each connection: answers are whole when they are sent, there is nothing to wait for.
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  // The same meaning of [::] whatever net.ipv6.bindv6only says, and room for 0.0.0.0 beside it.
  if (tcp.is_v6()) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), settings.backlog) != 0) {
    fail_tcp(endpoint, tcp, errno);
  }
  return fd;
}

int socket_number(int fd, int name) noexcept {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

/// Whether `fd` is what it was said to be, and makes it ours.
UniqueFd adopt(const Endpoint& endpoint, int fd) {
  const std::string descriptor = "descriptor " + std::to_string(fd);
  const std::string way_out =
      "Whoever starts owind has to open, bind and listen on the socket first, and leave it open for it.";
  if (::fcntl(fd, F_GETFD) < 0) fail(endpoint, descriptor + " is not open", way_out);
  const int type = socket_number(fd, SO_TYPE);
  if (type < 0) fail(endpoint, descriptor + " is not a socket", way_out);
  const int family = socket_number(fd, SO_DOMAIN);
  if (type != SOCK_STREAM || (family != AF_UNIX && family != AF_INET && family != AF_INET6)) {
    fail(endpoint, descriptor + " is not a stream socket of TCP or of the Unix domain", way_out);
  }
  if (socket_number(fd, SO_ACCEPTCONN) != 1)
    fail(endpoint, descriptor + " is a socket that does not listen", way_out);

  UniqueFd socket(fd);
  if (fd <= 2) {
    // Whatever reads standard input later must not find connections there, and nothing that we open may get
    // the number.
    [[maybe_unused]] const int number = socket.release();  // stays open until /dev/null takes its place
    socket.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!socket || !null || ::dup2(null.get(), fd) < 0) {
      fail(endpoint, "cannot move " + descriptor + " away: " + error_text(errno),
           "Raise the limit of open files.");
    }
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0 || flags < 0 ||
      ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    fail(endpoint, "cannot prepare " + descriptor + ": " + error_text(errno), way_out);
  }
  if (family != AF_UNIX) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

/// FastCGI has no authentication: who can connect can make the application believe anything.
void refuse_open_door(const Endpoint& endpoint, const SocketAddress& address,
                      const ListenSettings& settings) {
  if (endpoint.scheme != Scheme::kFcgi || !settings.allow.empty() || !address.is_tcp()) return;
  const TcpAddress tcp = address.to_tcp();
  if (tcp.is_loopback()) return;
  fail(endpoint, "other machines could connect to " + tcp.host + ", and FastCGI has no authentication",
       "Name the web servers that may connect with --allow ADDRESS[/BITS], or listen on 127.0.0.1 or a Unix "
       "socket.");
}

}  // namespace

ListeningSocket::ListeningSocket(const Endpoint& endpoint, UniqueFd fd, UnixSocketFile file)
    : endpoint_(endpoint), fd_(std::move(fd)), file_(std::move(file)) {
  const SocketAddress address = SocketAddress::of_socket(fd_.get());
  tcp_ = address.is_tcp();
  if (TcpAddress* tcp = std::get_if<TcpAddress>(&endpoint_.place)) {
    tcp->port = address.to_tcp().port;
  } else if (!std::holds_alternative<UnixPath>(endpoint_.place)) {
    bound_to_ = address.to_string();
  }
}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    close();
    endpoint_ = std::move(other.endpoint_);
    bound_to_ = std::move(other.bound_to_);
    tcp_ = other.tcp_;
    fd_ = std::move(other.fd_);
    file_ = std::move(other.file_);
  }
  return *this;
}

UniqueFd ListeningSocket::duplicate() const {
  UniqueFd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy)
    throw std::system_error(errno, std::generic_category(), "cannot duplicate the socket " + to_string());
  return copy;
}

std::string ListeningSocket::to_string() const {
  return bound_to_.empty() ? endpoint_.to_string() : endpoint_.to_string() + " (" + bound_to_ + ")";
}

void ListeningSocket::close() noexcept {
  file_.remove();
  fd_.reset();
}

std::vector<ListeningSocket> open_listening_sockets(std::span<const Endpoint> endpoints,
                                                    const ListenSettings& settings,
                                                    InheritedSockets& inherited) {
  std::vector<ListeningSocket> sockets;
  const auto add_inherited = [&](const Endpoint& endpoint, int number) {
    UniqueFd fd = adopt(endpoint, number);
    refuse_open_door(endpoint, SocketAddress::of_socket(fd.get()), settings);
    sockets.push_back(ListeningSocket(endpoint, std::move(fd), {}));
  };
  for (auto next = endpoints.begin(); next != endpoints.end(); ++next) {
    const Endpoint& endpoint = *next;
    const auto* tcp = std::get_if<TcpAddress>(&endpoint.place);
    if ((tcp == nullptr || tcp->port != 0) && std::find(endpoints.begin(), next, endpoint) != next) {
      fail(endpoint, "it is given twice", "Give each address to one --listen only.");
    }
    if (tcp != nullptr) {
      // Before it is opened, so that the answer is the same where the port is taken or not permitted.
      if (endpoint.scheme == Scheme::kFcgi && settings.allow.empty() && !tcp->is_loopback()) {
        fail(endpoint, "other machines could connect to it, and FastCGI has no authentication",
             "Name the web servers that may connect with --allow ADDRESS[/BITS], or listen on 127.0.0.1 or a "
             "Unix socket.");
      }
      sockets.push_back(ListeningSocket(endpoint, open_tcp(endpoint, *tcp, settings), {}));
    } else if (const auto* file = std::get_if<UnixPath>(&endpoint.place)) {
      UniqueFd fd = make_socket(endpoint, AF_UNIX);
      UnixSocketFile owned = UnixSocketFile::listen(fd.get(), *file, settings);
      sockets.push_back(ListeningSocket(endpoint, std::move(fd), std::move(owned)));
    } else if (const auto* descriptor = std::get_if<InheritedDescriptor>(&endpoint.place)) {
      if (!inherited.take_descriptor(descriptor->fd)) {
        fail(endpoint, "another --listen has taken this descriptor",
             "Give each socket to one --listen only.");
      }
      add_inherited(endpoint, descriptor->fd);
    } else {
      for (const int fd : inherited.take(std::get<SystemdSockets>(endpoint.place).name))
        add_inherited(endpoint, fd);
    }
  }
  return sockets;
}

bool is_listening(int fd) noexcept { return socket_number(fd, SO_ACCEPTCONN) == 1; }

}  // namespace owind::io
