// The server around the shards: listeners, the limits on connections, and an orderly end.
#include "server/io/server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/server/open_files_limit.hpp"
#include "tests/server/temporary_folder.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

steady_clock::time_point soon() { return steady_clock::now() + seconds(60); }

/// A server on a Unix socket and on a TCP port of loopback.
struct Running {
  explicit Running(std::size_t max_connections = 100, const char* allowed = nullptr,
                   runner::RunnerOptions options = {.dispatch = runner::Dispatch::kInline},
                   std::size_t shards = 2, std::optional<io::AllowList> web_servers = {})
      : context{.fastcgi = {wire, {}},
                .http = {http, {}},
                .pipe_limits = {},
                .tokens = tokens,
                .admission = admission,
                .trace = log,
                .visitor_trace = log,
                .app = middleware::AppFunc::of(application),
                .max_connections = max_connections,
                .web_servers = std::move(web_servers)},
        server(context, options, shards) {
    runtime.add("/", hello());
    if (allowed) allow.add(allowed);
    io::InheritedSockets none([](const char*) -> const char* { return nullptr; }, ::getpid());
    const std::vector<io::Endpoint> endpoints{io::Endpoint::parse("unix:" + folder / "s"),
                                              io::Endpoint::parse("127.0.0.1:0")};
    auto sockets = io::open_listening_sockets(endpoints, {.rights = {}, .allow = allow}, none);
    port = std::get<io::TcpAddress>(sockets[1].endpoint().place).port;
    server.start(std::move(sockets), allow);
  }
  ~Running() {
    server.stop_accepting();
    server.abort_all();
    CHECK(server.drain(soon()));
    server.stop();
    server.join();
  }

  Client connect_unix() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder / "s").c_str(), sizeof address.sun_path - 1);
    return connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  Client connect_tcp() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return connect(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  static Client connect(int family, const sockaddr* address, socklen_t length) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && ::connect(fd, address, length) == 0) return Client(fd);
    if (fd >= 0) ::close(fd);
    return Client();
  }

  test::TemporaryFolder folder;
  int port = 0;
  LogLines log;
  middleware::TokenTable tokens;
  exchange::Admission admission{100};
  FakeRuntime runtime{tokens, log};
  hosting::ManagedApp application{runtime.table()};
  protocol::FastCgiProtocol wire{{}, {}};
  protocol::HttpProtocol http;
  io::AllowList allow;
  io::ServerContext context;
  io::Server server;
};

TEST_CASE("a server answers on each of its sockets, on every shard") {
  Running running;
  for (int i = 0; i < 6; ++i) {
    CHECK(running.connect_unix().send(get(1, "/")).response().status() == 200);
    CHECK(running.connect_tcp().send(get(1, "/")).response().status() == 200);
  }
}

TEST_CASE("connections are spread over the shards, the emptiest first") {
  Running running(100, nullptr, {.dispatch = runner::Dispatch::kInline}, 3);
  std::vector<Client> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(running.connect_unix());
    CHECK(clients.back().send(get(1, "/")).response().status() == 200);
  }
  const auto stats = running.server.stats();
  for (const auto& shard : stats.shards) CHECK(shard.calls == 3);
}

TEST_CASE("a connection more than there may be is closed at once, and has its place when one is free") {
  Running running(2);
  Client one = running.connect_unix(), two = running.connect_tcp();
  CHECK(one.send(get(1, "/")).response().status() == 200);
  CHECK(two.send(get(1, "/")).response().status() == 200);
  Client three = running.connect_unix();
  CHECK_FALSE(three.receive());
  CHECK(running.log.count("--max-connections") == 1);
  one.close();
  eventually([&] { return running.context.connections == 1; });
  CHECK(running.connect_unix().send(get(1, "/")).response().status() == 200);
}

TEST_CASE("a TCP peer that is not allowed is closed before a byte is read; a Unix peer needs no address") {
  Running running(100, "10.0.0.0/8");
  Client tcp = running.connect_tcp();
  CHECK_FALSE(tcp.receive());
  CHECK(running.log.count("not in --allow") == 1);
  CHECK(running.connect_unix().send(get(1, "/")).response().status() == 200);
  CHECK(running.runtime.started() == 1);
}

TEST_CASE("a TCP peer that is allowed is served") {
  Running running(100, "127.0.0.0/8");
  CHECK(running.connect_tcp().send(get(1, "/")).response().status() == 200);
}

TEST_CASE("with FCGI_WEB_SERVER_ADDRS only its addresses are served, and nobody who is not on TCP [fcgi 3.2]") {
  for (const std::string addresses : {"127.0.0.1", "10.0.0.1,192.0.2.1", "nonsense"}) {
    std::vector<std::string> refused;
    Running running(100, nullptr, {.dispatch = runner::Dispatch::kInline}, 2,
                    io::AllowList::from_web_server_addresses(addresses, refused));
    Client tcp = running.connect_tcp();
    if (addresses == "127.0.0.1")
      CHECK(tcp.send(get(1, "/")).response().status() == 200);
    else
      CHECK_FALSE(tcp.receive());
    Client local = running.connect_unix();
    CHECK_FALSE(local.receive());
    CHECK(running.log.count("not in FCGI_WEB_SERVER_ADDRS") == (addresses == "127.0.0.1" ? 1 : 2));
  }
}

TEST_CASE("without a descriptor left, accepting pauses with a log line and goes on when there is one") {
  Running running;
  // Made before: nothing else of the process may need a descriptor while there is none.
  Client waiting = running.connect_unix();
  CHECK(waiting.send(get(1, "/")).response().status() == 200);
  // UBSan needs a descriptor when it meets a class for the first time.
  middleware::TraceSink& sink = running.log;
  sink.record(middleware::Severity::kDebug, {}, "");
  REQUIRE(running.log.count("raise the limit of open files") == 0);
  const test::OpenFilesLimit limit;
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(next >= 0);
  ::close(next);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  limit.set(static_cast<rlim_t>(next) + 1);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (running.folder / "s").c_str(), sizeof address.sun_path - 1);
  CHECK(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  Client late(socket);
  late.send(get(1, "/"));
  eventually([&] { return running.log.count("raise the limit of open files") > 0; });
  // Those that have one are served meanwhile.
  CHECK(waiting.send(get(1, "/")).response().status() == 200);
  limit.restore();
  CHECK(late.response().status() == 200);
}

TEST_CASE("a stop of accepting refuses new connections, a drain serves what is there") {
  Running running;
  SharedRequest held;
  Gate started;
  running.runtime.add("/hold", [&](const SharedRequest& request) {
    held = request;
    started.open();
  });
  Client client = running.connect_unix();
  client.send(get(1, "/hold"));
  started.wait();
  running.server.stop_accepting();
  CHECK(running.connect_tcp().fd() < 0);
  CHECK_FALSE(running.server.drain(steady_clock::now()));
  held->head(200);
  held->complete();
  held.reset();
  CHECK(client.response().status() == 200);
  CHECK_FALSE(client.receive());
  CHECK(running.server.drain(soon()));
  CHECK(running.server.unfinished() == 0);
}

TEST_CASE("a stop of accepting does not wait for ever for a leader that an application holds") {
  Running running(100, nullptr, {.dispatch = runner::Dispatch::kInline}, 1);
  Gate entered, release;
  running.runtime.add("/stuck", [&](const SharedRequest& request) {
    entered.open();
    release.wait();
    request->complete();
  });
  Client client = running.connect_unix();
  client.send(get(1, "/stuck"));
  entered.wait();
  running.server.stop_accepting(milliseconds(1));
  CHECK_FALSE(running.server.drain(steady_clock::now()));
  release.open();
  CHECK(client.response().status() == 500);
}

}  // namespace
}  // namespace owind::testing
