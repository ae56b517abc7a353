// The admin listener, and `owind health` asking it and others.
#include "server/observe/admin_server.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "server/cli/health_check.hpp"
#include "tests/server/temporary_folder.hpp"
#include "tests/support/server_rig.hpp"

namespace owind::testing {
namespace {

using namespace std::chrono_literals;
using observe::Health;

std::vector<io::ListeningSocket> open(const std::string& endpoint) {
  io::InheritedSockets none([](const char*) -> const char* { return nullptr; }, ::getpid());
  const std::vector<io::Endpoint> endpoints{io::Endpoint::parse(endpoint)};
  return io::open_listening_sockets(endpoints, {}, none);
}

HttpClient connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return HttpClient(fd);
}

cli::Health ask(const std::string& target, std::chrono::milliseconds timeout = 60s) {
  return cli::check_health(cli::HealthTarget::parse(target), timeout);
}

struct Admin {
  test::TemporaryFolder folder;
  LogLines log;
  Health health;
  observe::AdminServer server{open("http://unix:" + folder / "admin"), health, log, log};

  std::string url(const std::string& path) const { return "http://unix:" + folder / "admin" + ":" + path; }
  HttpResponse get(std::string_view path, std::string_view method = "GET") {
    auto client = connect_unix(folder / "admin");
    client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    return client.response(method);
  }
};

/// Answers every connection with the same bytes, when something has come; then closes, or stays silent.
class Answering {
 public:
  enum class Then { kClose, kStay };
  explicit Answering(std::string bytes, Then then = Then::kClose) : sockets_(open("unix:" + folder_ / "s")) {
    thread_ = std::thread([this, bytes = std::move(bytes), then] {
      pollfd_wait(sockets_[0].fd());
      const int fd = ::accept4(sockets_[0].fd(), nullptr, nullptr, SOCK_CLOEXEC);
      char buffer[1000];
      const auto got = ::recv(fd, buffer, sizeof buffer, 0);
      received_.assign(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
      if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) received_ += " (gone)";
      // Until the other end is closed.
      if (then == Then::kStay) (void)::recv(fd, buffer, sizeof buffer, 0);
      ::close(fd);
    });
  }
  ~Answering() { join(); }
  std::string place() const { return "unix:" + folder_ / "s"; }
  std::string received() {
    join();
    return received_;
  }

 private:
  static void pollfd_wait(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    ::select(fd + 1, &set, nullptr, nullptr, nullptr);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  test::TemporaryFolder folder_;
  std::vector<io::ListeningSocket> sockets_;
  std::string received_;
  std::thread thread_;
};

TEST_CASE("admin: ready is 503 while the process starts, 200 then, and 503 from the order to stop on") {
  Admin admin;
  CHECK(admin.get("/-/ready").status() == 503);
  CHECK(admin.get("/-/ready").body == "starting\n");
  CHECK(admin.get("/-/live").status() == 200);
  admin.health.set(Health::State::kReady);
  CHECK(admin.get("/-/ready").status() == 200);
  CHECK(admin.get("/-/ready").body == "ready\n");
  CHECK(admin.get("/-/ready").field("Cache-Control") == "no-store");
  admin.health.set(Health::State::kDraining);
  CHECK(admin.get("/-/ready").status() == 503);
  CHECK(admin.get("/-/ready").body == "draining\n");
  CHECK(admin.get("/-/live").status() == 200);
}

TEST_CASE("admin: HEAD has no body, other methods are refused, other paths do not exist") {
  Admin admin;
  CHECK(admin.get("/-/live", "HEAD").status() == 200);
  CHECK(admin.get("/-/live", "HEAD").body.empty());
  CHECK(admin.get("/-/live", "DELETE").status() == 405);
  CHECK(admin.get("/-/live", "DELETE").field("Allow") == "GET, HEAD");
  CHECK(admin.get("/").status() == 404);
  CHECK(admin.get("/-/live/").status() == 404);
}

TEST_CASE("admin: a kept connection is asked again and again") {
  Admin admin;
  admin.health.set(Health::State::kReady);
  auto client = connect_unix(admin.folder / "admin");
  for (int i = 0; i < 100; ++i) {
    client.send("GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(client.response().status() == 200);
  }
}

TEST_CASE("admin: what connects too often is closed, and who was there is served") {
  Admin admin;
  std::vector<HttpClient> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(connect_unix(admin.folder / "admin"));
    clients.back().send("GET /-/live HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(clients.back().response().status() == 200);
  }
  auto one_more = connect_unix(admin.folder / "admin");
  CHECK(one_more.rest().empty());
  CHECK(clients.front().send("GET /-/live HTTP/1.1\r\nHost: a\r\n\r\n").response().status() == 200);
}

TEST_CASE("health: HTTP is well with 200, and says the status and the reason otherwise") {
  Admin admin;
  CHECK_FALSE(ask(admin.url("/-/ready")).healthy);
  CHECK(ask(admin.url("/-/ready")).line.ends_with(": 503 Service Unavailable, starting"));
  admin.health.set(Health::State::kReady);
  CHECK(ask(admin.url("/-/ready")).healthy);
  CHECK(ask(admin.url("/-/ready")).line == admin.url("/-/ready") + ": 200 OK");
  CHECK_FALSE(ask(admin.url("/x")).healthy);
}

TEST_CASE("health: FastCGI is asked by GET_VALUES [fcgi 4.1]") {
  Answering server(
      std::string("\x01\x0a\x00\x00\x00\x12\x06\x00\x0f\x01"
                  "FCGI_MPXS_CONNS1\0\0\0\0\0\0",
                  32));
  const auto health = ask(server.place());
  CHECK(health.line == "fcgi://" + server.place() + ": FCGI_MPXS_CONNS=1");
  CHECK(health.healthy);
  CHECK(server.received() == std::string("\x01\x09\x00\x00\x00\x30\x00\x00"
                                         "\x0e\x00"
                                         "FCGI_MAX_CONNS"
                                         "\x0d\x00"
                                         "FCGI_MAX_REQS"
                                         "\x0f\x00"
                                         "FCGI_MPXS_CONNS",
                                         56));
}

TEST_CASE("health: a FastCGI server that does not know the question is well [fcgi 4.2]") {
  Answering server(std::string("\x01\x0b\x00\x00\x00\x08\x00\x00\x09\0\0\0\0\0\0\0", 16));
  CHECK(ask(server.place()).healthy);
}

TEST_CASE("health: what is not the protocol, or no answer, is not well") {
  const auto unwell = [](const std::string& target) {
    const auto health = ask(target);
    CHECK_FALSE(health.healthy);
    CHECK(health.line.find('\n') == std::string::npos);
    return health.line;
  };
  CHECK(unwell(Answering("HTTP/1.1 200 OK\r\n\r\n").place()).find("no FastCGI") != std::string::npos);
  CHECK(unwell(Answering("").place()).find("without an answer") != std::string::npos);
  CHECK(unwell(Answering("\x01\x0a").place()).find("without an answer") != std::string::npos);
  CHECK(unwell("http://" + Answering("").place()).find("without an answer") != std::string::npos);
  CHECK(unwell("http://" + Answering("SSH-2.0\r\n\r\n").place()).find("no HTTP") != std::string::npos);
  CHECK(unwell("http://" + Answering("HTTP/1.1 200").place()).find("no HTTP") != std::string::npos);
  CHECK(unwell("http://" + Answering("HTTP/1.1 5x0 a\r\n\r\n").place()).find("no HTTP") != std::string::npos);
  CHECK(unwell("http://" + Answering("HTTP/1.1 500 a\x1b[31m\r\n\r\nb\x07").place())
            .find("500 a\\x1b[31m, b\\x07") != std::string::npos);
  CHECK(unwell("unix:/no/such/socket").find("No such file") != std::string::npos);
  test::TemporaryFolder folder;
  { const auto gone = open("unix:" + folder / "s"); }
  CHECK(unwell("unix:" + folder / "s").find("cannot connect") != std::string::npos);
}

TEST_CASE("health: a head that never ends is not well, and not kept") {
  CHECK_FALSE(ask("http://" + Answering("HTTP/1.1 200 OK\r\n" + std::string(100'000, 'x')).place()).healthy);
}

TEST_CASE("health: a server that stays silent is not well when the time is over") {
  Answering server("", Answering::Then::kStay);
  const auto health = ask(server.place(), 50ms);
  CHECK_FALSE(health.healthy);
  CHECK(health.line.ends_with("no answer in time"));
}

TEST_CASE("health: a connection that stays open after the head is no reason to wait") {
  Answering server("HTTP/1.1 204 No Content\r\n\r\n", Answering::Then::kStay);
  CHECK(ask("http://" + server.place()).healthy);
}

}  // namespace
}  // namespace owind::testing
