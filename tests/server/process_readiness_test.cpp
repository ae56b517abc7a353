#include "server/process/readiness.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "tests/server/temporary_folder.hpp"

using owind::process::Readiness;
using owind::test::TemporaryFolder;

namespace {

/// The socket of a service manager.
class Manager {
 public:
  explicit Manager(const std::string& name)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(name.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::close(fd_); }

  /// The next message, or nothing.
  std::string receive() {
    char buffer[1024];
    const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
    return count < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(count));
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("Readiness: messages are those of the service manager's protocol [sd_notify(3)]") {
  const TemporaryFolder folder;
  const std::string path = folder / "notify";
  const std::string abstract = "@owind-test-" + std::to_string(::getpid());
  for (const std::string& name : {path, abstract}) {
    CAPTURE(name);
    Manager manager(name);
    const Readiness readiness(name);
    CHECK(readiness.ready());
    CHECK(manager.receive() == "READY=1");
    CHECK(readiness.ready("serving"));
    CHECK(manager.receive() == "READY=1\nSTATUS=serving");
    CHECK(readiness.stopping("3 requests left"));
    CHECK(manager.receive() == "STOPPING=1\nSTATUS=3 requests left");
    CHECK(readiness.status("a\nREADY=1"));
    CHECK(manager.receive() == "STATUS=a READY=1");
  }
}

TEST_CASE("Readiness: without a manager nothing happens") {
  CHECK_FALSE(Readiness("").ready());
  CHECK_FALSE(Readiness("@").ready());
  CHECK_FALSE(Readiness("relative").ready());
  CHECK_FALSE(Readiness("vsock:2:1234").ready());
  CHECK_FALSE(Readiness("/no-such-folder/notify").ready());
  CHECK_FALSE(Readiness("/" + std::string(200, 'x')).ready());
}

TEST_CASE("Readiness: the manager is the one that the environment names") {
  const TemporaryFolder folder;
  Manager manager(folder / "notify");
  ::setenv("NOTIFY_SOCKET", (folder / "notify").c_str(), 1);
  CHECK(Readiness::from_environment().ready());
  CHECK(manager.receive() == "READY=1");
  ::unsetenv("NOTIFY_SOCKET");
  CHECK_FALSE(Readiness::from_environment().ready());
}
