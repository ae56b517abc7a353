#include "tests/support/server_rig.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <system_error>

namespace owind::testing {
namespace {

std::atomic<std::int64_t> clock_ms{1'000'000};

std::chrono::steady_clock::time_point stepped_clock() {
  return std::chrono::steady_clock::time_point(std::chrono::milliseconds(clock_ms.load()));
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// Two ends of a TCP connection over loopback.
std::pair<int, int> tcp_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    fail("listen");
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0 || ::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail("connect");
  const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (server < 0) fail("accept");
  ::close(listener);
  return {client, server};
}

}  // namespace

ServerRig::ServerRig(RigOptions options)
    : admission(options.max_in_flight, options.max_buffered),
      runtime(tokens, log),
      application(runtime.table()),
      pipeline(middleware::AppFunc::of(application)),
      wire(options.fastcgi_limits, {.max_connections = 100, .max_requests = 50, .multiplexes = true}),
      http(options.http),
      context{.fastcgi = {wire, options.limits},
              .http = {http, options.limits},
              .pipe_limits = options.pipe_limits,
              .tokens = tokens,
              .admission = admission,
              .trace = log,
              .visitor_trace = log,
              .app = {},
              .max_orphans = options.max_orphans,
              .clock = stepped_clock,
              .heartbeat = std::chrono::milliseconds(0)},
      runner(options.runner) {
  // As main does.
  std::signal(SIGPIPE, SIG_IGN);
  for (const auto& make : options.middleware) pipeline.use(make(tokens));
  context.app = pipeline.app();
  for (std::size_t i = 0; i < options.shards; ++i)
    shards_.push_back(std::make_unique<io::Shard>(static_cast<std::uint32_t>(i), context, runner));
}

void ServerRig::start() {
  if (started_) return;
  started_ = true;
  runner.start();
}

ServerRig::~ServerRig() {
  if (started_) {
    for (auto& shard : shards_) shard->abort_all();
    if (connections() > 0) wait_connections(0);
    wait_all_free();
    runner.stop();
    runner.join();
  }
  shards_.clear();
}

int ServerRig::connect_to(const io::Service& service, Transport transport, std::size_t shard) {
  start();
  int ends[2];
  if (transport == Transport::kTcp) {
    std::tie(ends[0], ends[1]) = tcp_pair();
  } else if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    fail("socketpair");
  }
  // As the listener's.
  if (::fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
  context.connections.fetch_add(1);
  shards_[shard]->adopt(ends[1], transport == Transport::kTcp, service);
  // Its time begins now, not when the leader comes to it.
  on_leader([] {}, shard);
  return ends[0];
}

void ServerRig::advance(Milliseconds by) {
  clock_ms.fetch_add(by.count());
  beat();
}

void ServerRig::beat() {
  for (std::size_t i = 0; i < shards_.size(); ++i) on_leader([this, i] { shards_[i]->beat(); }, i);
}

void ServerRig::wait_read(int fd) {
  // Unix sockets and TCP alike: what the other end has not taken.
  eventually([&] {
    int left = 0;
    ::ioctl(fd, SIOCOUTQ, &left);
    return left == 0;
  });
  // Taken by a handler that may still run: the leader comes to this after it.
  for (std::size_t i = 0; i < shards_.size(); ++i) on_leader([] {}, i);
}

bool ServerRig::all_free() {
  if (admission.in_flight() != 0 || admission.orphans() != 0) return false;
  for (std::size_t i = 0; i < shards_.size(); ++i)
    if (slots_in_use(i) != 0) return false;
  for (const auto token : runtime.tokens_seen())
    if (tokens.pin(middleware::Token{token})) return false;
  return true;
}

}  // namespace owind::testing
