#include "server/io/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/io/peer_name.hpp"

namespace owind::io {

using middleware::Severity;

Listener::Listener(int fd, bool is_tcp, std::string name, const Service& service, const AllowList& allow,
                   ServerContext& server, Shard& home, const std::vector<Shard*>& shards)
    : fd_(fd),
      is_tcp_(is_tcp),
      name_(std::move(name)),
      service_(service),
      allow_(allow),
      server_(server),
      home_(home),
      shards_(shards),
      descriptor_(home.context()),
      pause_(home.context()) {}

void Listener::start() {
  home_.post([this] {
    boost::system::error_code error;
    const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0) descriptor_.assign(copy, error);
    if (copy < 0 || error) {
      server_.trace.record(
          Severity::kError, {},
          "cannot watch the listener " + name_ + ": " + (copy < 0 ? std::strerror(errno) : error.message()));
      return;
    }
    arm();
  });
}

void Listener::stop() {
  if (stopped_) return;
  stopped_ = true;
  // What has connected already is served: closing the socket would reset it. No more than that: who connects
  // all the time must not keep the server from stopping.
  for (int i = 0; i < kAcceptAtStop && accept_some(); ++i) {
  }
  boost::system::error_code ignored;
  descriptor_.close(ignored);
  pause_.cancel();
}

void Listener::arm() {
  if (stopped_) return;
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this](const boost::system::error_code& error) {
                           if (error || stopped_) return;
                           accept_some();
                         });
}

bool Listener::accept_some() {
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    const int connection = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        arm();
      else
        pause(errno);
      return false;
    }
    if (!allowed(connection)) {
      ::close(connection);
      continue;
    }
    if (server_.connections.fetch_add(1, std::memory_order_relaxed) >= server_.max_connections) {
      server_.connections.fetch_sub(1, std::memory_order_relaxed);
      server_.visitor_trace.record(Severity::kWarning, {},
                                   "connection refused on " + name_ + ": all " +
                                       std::to_string(server_.max_connections) +
                                       " are in use (--max-connections)");
      ::close(connection);
      continue;
    }
    if (is_tcp_) {
      const int on = 1;
      ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    least_loaded().adopt(connection, is_tcp_, service_);
  }
  arm();
  return true;
}

/// Trying again at once would spin: the connection stays in the backlog until something is closed, or the
/// socket stays as broken as it is.
void Listener::pause(int error) {
  const bool limit = error == EMFILE || error == ENFILE;
  server_.visitor_trace.record(
      Severity::kError, {},
      "cannot accept connections on " + name_ + ": " + std::strerror(error) +
          (limit ? "; raise the limit of open files (ulimit -n, LimitNOFILE=)" : ""));
  pause_.expires_after(std::chrono::milliseconds(100));
  pause_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) arm();
  });
}

bool Listener::allowed(int fd) const {
  const auto* const web_servers =
      server_.web_servers && &service_ == &server_.fastcgi ? &*server_.web_servers : nullptr;
  if (!web_servers && (!is_tcp_ || allow_.empty())) return true;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) length = 0;
  const auto listed = [&](const AllowList& list) {
    return list.contains(reinterpret_cast<const sockaddr*>(&peer), length);
  };
  const char* where = nullptr;
  if (web_servers && !listed(*web_servers))
    where = "FCGI_WEB_SERVER_ADDRS";
  else if (is_tcp_ && !allow_.empty() && !listed(allow_))
    where = "--allow";
  else
    return true;
  server_.visitor_trace.record(Severity::kWarning, {},
                               "connection refused on " + name_ + ": its address is not in " + where + " (" +
                                   peer_name(fd) + ")");
  return false;
}

Shard& Listener::least_loaded() {
  // Starts at another shard each time, so that equal ones take turns.
  Shard* best = shards_[next_ % shards_.size()];
  for (std::size_t i = 1; i < shards_.size(); ++i) {
    Shard* other = shards_[(next_ + i) % shards_.size()];
    if (other->load() < best->load()) best = other;
  }
  ++next_;
  return *best;
}

}  // namespace owind::io
