#include "load.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "request.hpp"

namespace owind::bench {
namespace {

constexpr int kStdout = 6;
constexpr int kEndRequest = 3;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "fcgibench: %s: %s\n", what, std::strerror(errno));
  std::exit(2);
}

int dial_unix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  // A full backlog answers EAGAIN at once on a Unix socket, where TCP would wait.
  for (int attempt = 0; connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0; ++attempt) {
    if (attempt == 1000) give_up(path.c_str());
    usleep(1000);
  }
  return fd;
}

int dial_tcp(const std::string& target) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const std::size_t colon = target.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, target.substr(0, colon).c_str(), &address.sin_addr);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(target.c_str() + colon + 1)));
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up(target.c_str());
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The status of a CGI response head; 200 when it names none (RFC 3875 §6.3.3).
int status_of(const std::string& head) {
  const std::size_t found = head.find("Status:");
  return found == std::string::npos ? 200 : std::atoi(head.c_str() + found + 7);
}

}  // namespace

Load::Load(const Options& options)
    : options_(options),
      epoll_(epoll_create1(0)),
      connections_(static_cast<std::size_t>(options.connections)),
      buffer_(1u << 18) {
  for (int id = 0; id <= options_.requests_per_connection; ++id)
    requests_.push_back(request_bytes(options_, id));
  counts_.latencies.reserve(4'000'000);
}

Load::~Load() {
  for (const Connection& connection : connections_) {
    if (connection.fd >= 0) close(connection.fd);
  }
  close(epoll_);
}

Counts Load::run() {
  begun_ = Clock::now();
  for (Connection& connection : connections_) {
    connection.requests.resize(requests_.size());
    open(connection);
  }
  Clock::time_point measured_from = begun_;
  std::vector<epoll_event> events(1024);
  for (;;) {
    const Clock::time_point now = Clock::now();
    if (!measuring_ && seconds_between(begun_, now) >= options_.warm_up_seconds) {
      measuring_ = true;
      measured_from = now;
      const std::vector<long> curve = std::move(counts_.per_second);
      counts_ = Counts{};
      counts_.per_second = curve;
    }
    if (measuring_ && seconds_between(measured_from, now) >= options_.seconds) break;
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if (event.events & EPOLLOUT) flush(connection);
      if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read(connection);
    }
  }
  counts_.seconds = seconds_between(measured_from, Clock::now());
  return std::move(counts_);
}

void Load::watch(const Connection& connection, int operation, bool write) const {
  epoll_event event{};
  event.events = EPOLLIN | (write ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
  event.data.ptr = const_cast<Connection*>(&connection);
  epoll_ctl(epoll_, operation, connection.fd, &event);
}

void Load::open(Connection& connection) {
  connection.fd =
      options_.target.starts_with("unix:") ? dial_unix(options_.target.substr(5)) : dial_tcp(options_.target);
  fcntl(connection.fd, F_SETFL, O_NONBLOCK);
  connection.out.clear();
  connection.out_position = 0;
  connection.wants_write = false;
  connection.in_flight = 0;
  connection.header_bytes = connection.left = 0;
  watch(connection, EPOLL_CTL_ADD, false);
  for (int id = 1; id <= options_.requests_per_connection; ++id) start(connection, id);
  flush(connection);
}

void Load::reopen(Connection& connection, bool broken) {
  if (broken && measuring_) counts_.failed += connection.in_flight;
  close(connection.fd);
  open(connection);
}

void Load::start(Connection& connection, int request_id) {
  const auto id = static_cast<std::size_t>(request_id);
  connection.out += requests_[id];
  connection.requests[id] = Request{Clock::now()};
  ++connection.in_flight;
}

void Load::flush(Connection& connection) {
  while (connection.out_position < connection.out.size()) {
    const ssize_t sent = send(connection.fd, connection.out.data() + connection.out_position,
                              connection.out.size() - connection.out_position, MSG_NOSIGNAL);
    if (sent <= 0) break;
    connection.out_position += static_cast<std::size_t>(sent);
  }
  const bool more = connection.out_position < connection.out.size();
  if (!more) {
    connection.out.clear();
    connection.out_position = 0;
  }
  if (more != connection.wants_write) {
    connection.wants_write = more;
    watch(connection, EPOLL_CTL_MOD, more);
  }
}

void Load::read(Connection& connection) {
  const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    reopen(connection, connection.in_flight > 0);
    return;
  }
  counts_.bytes += count;
  if (!parse(connection, static_cast<std::size_t>(count))) {
    reopen(connection, false);
  } else if (!connection.out.empty()) {
    flush(connection);
  }
}

/// Returns false when the connection has served its one request (--close).
bool Load::parse(Connection& connection, std::size_t count) {
  bool keep = true;
  for (std::size_t position = 0; position < count;) {
    if (connection.left == 0) {
      connection.header[connection.header_bytes++] = buffer_[position++];
      if (connection.header_bytes < connection.header.size()) continue;
      const auto& header = connection.header;
      if (header[0] != 1) {
        std::fprintf(stderr, "fcgibench: a record of version %d\n", header[0]);
        std::exit(3);
      }
      connection.header_bytes = 0;
      connection.content_left = static_cast<std::size_t>(header[4]) << 8 | header[5];
      connection.left = connection.content_left + header[6];
      connection.head.clear();
    } else {
      const std::size_t taken = std::min(connection.left, count - position);
      const std::size_t content = std::min(taken, connection.content_left);
      if (connection.header[1] == kStdout && connection.head.size() < 256) {
        connection.head.append(reinterpret_cast<const char*>(buffer_.data()) + position,
                               std::min<std::size_t>(content, 256));
      }
      connection.content_left -= content;
      connection.left -= taken;
      position += taken;
    }
    if (connection.left == 0 && connection.header_bytes == 0 && !record_done(connection)) keep = false;
  }
  return keep;
}

bool Load::record_done(Connection& connection) {
  const int type = connection.header[1];
  const std::size_t id = static_cast<std::size_t>(connection.header[2]) << 8 | connection.header[3];
  if (id == 0 || id >= connection.requests.size()) return true;
  Request& request = connection.requests[id];
  if (type == kStdout && !connection.head.empty() && !request.head_seen) {
    const int status = status_of(connection.head);
    request.head_seen = true;
    request.success = status >= 200 && status < 300;
  }
  if (type != kEndRequest) return true;
  const Clock::time_point now = Clock::now();
  ++counts_.done;
  --connection.in_flight;
  if (!request.success) ++counts_.non_2xx;
  const auto ticks = std::chrono::duration_cast<std::chrono::nanoseconds>(now - request.sent).count() / 100;
  if (measuring_)
    counts_.latencies.push_back(static_cast<std::uint32_t>(std::min<long long>(0xffffffff, ticks)));
  if (options_.curve) {
    const auto second = static_cast<std::size_t>(seconds_between(begun_, now));
    if (counts_.per_second.size() <= second) counts_.per_second.resize(second + 1);
    ++counts_.per_second[second];
  }
  if (!options_.keep) return false;
  start(connection, static_cast<int>(id));
  return true;
}

}  // namespace owind::bench
