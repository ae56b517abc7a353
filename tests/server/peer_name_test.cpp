#include "server/io/peer_name.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "server/io/unique_fd.hpp"
#include "tests/server/temporary_folder.hpp"

namespace owind::io {
namespace {

TEST_CASE("a TCP peer is named by its address and port, with the listener's") {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const UniqueFd server(::accept(listener.get(), nullptr, nullptr));
  const int port = ntohs(address.sin_port);
  REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  CHECK(peer_name(server.get()) == "127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
                                       " to 127.0.0.1:" + std::to_string(port));
}

TEST_CASE("a Unix peer is named by its process and user, with the listener's path") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "s";
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const UniqueFd server(::accept(listener.get(), nullptr, nullptr));
  CHECK(peer_name(server.get()) == "process " + std::to_string(::getpid()) + " (uid " + std::to_string(::getuid()) +
                                       ") to unix:" + path);
}

TEST_CASE("what is no socket is unknown") { CHECK(peer_name(-1) == "unknown to unknown"); }

}  // namespace
}  // namespace owind::io
