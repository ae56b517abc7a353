#include "server/io/listening_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/io/socket_address.hpp"
#include "server/io/startup_error.hpp"
#include "tests/server/message_of.hpp"
#include "tests/server/temporary_folder.hpp"

using namespace owind::io;
using owind::test::contains;
using owind::test::message_of;
using owind::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

InheritedSockets nothing_inherited() {
  return InheritedSockets([](const char*) -> const char* { return nullptr; }, ::getpid());
}

std::vector<ListeningSocket> open_all(const std::vector<std::string>& texts,
                                      const ListenSettings& settings = {}) {
  std::vector<Endpoint> endpoints;
  for (const std::string& text : texts) endpoints.push_back(Endpoint::parse(text));
  InheritedSockets inherited = nothing_inherited();
  return open_listening_sockets(endpoints, settings, inherited);
}

ListeningSocket open_one(const std::string& text, const ListenSettings& settings = {}) {
  auto sockets = open_all({text}, settings);
  REQUIRE(sockets.size() == 1);
  return std::move(sockets.front());
}

std::string refusal(const std::vector<std::string>& texts, const ListenSettings& settings = {}) {
  return message_of<StartupError>([&] { open_all(texts, settings); });
}

/// 0, or the errno of the attempt.
int connect_to(const SocketAddress& address) {
  const UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), address.get(), address.length) == 0 ? 0 : errno;
}

int connect_to_path(const std::string& path) { return connect_to(SocketAddress::from(UnixPath{path})); }

/// A listening Unix socket that somebody else made; closing it leaves its file behind.
UniqueFd foreign_listener(const std::string& path, int type = SOCK_STREAM) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  const SocketAddress address = SocketAddress::from(UnixPath{path});
  REQUIRE(::bind(fd.get(), address.get(), address.length) == 0);
  if (type == SOCK_STREAM) REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

struct stat stat_of(const std::string& path) {
  struct stat result {};
  REQUIRE(::lstat(path.c_str(), &result) == 0);
  return result;
}

/// Runs `action` on a thread that has the rights of an ordinary user, whoever runs the tests. The system call
/// changes the calling thread only, unlike the C library's function.
template <typename Action>
void without_privileges(Action action) {
  std::thread([&] {
    constexpr long kNobody = 65534;
    if (::geteuid() == 0) {
      REQUIRE(::syscall(SYS_setgroups, 0, nullptr) == 0);
      REQUIRE(::syscall(SYS_setresgid, -1, kNobody, -1) == 0);
      REQUIRE(::syscall(SYS_setresuid, -1, kNobody, -1) == 0);
    }
    action();
  }).join();
}

}  // namespace

TEST_CASE("ListeningSocket: TCP accepts connections on the port that the kernel chose") {
  for (const char* text : {"127.0.0.1:0", "[::1]:0"}) {
    CAPTURE(text);
    const ListeningSocket socket = open_one(text);
    const TcpAddress address = std::get<TcpAddress>(socket.endpoint().place);
    CHECK(address.port != 0);
    CHECK(socket.is_tcp());
    CHECK(socket.scheme() == Scheme::kFcgi);
    CHECK(contains(socket.to_string(), ":" + std::to_string(address.port)));
    CHECK(connect_to(SocketAddress::from(address)) == 0);
  }
}

TEST_CASE("ListeningSocket: descriptors do not block, are closed on exec, and connections send at once") {
  const TemporaryFolder folder;
  const ListeningSocket tcp = open_one("127.0.0.1:0");
  const ListeningSocket file = open_one("unix:" + folder / "x.sock");
  for (const ListeningSocket* socket : {&tcp, &file}) {
    CHECK((::fcntl(socket->fd(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(socket->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress address = SocketAddress::of_socket(tcp.fd());
  REQUIRE(::connect(client.get(), address.get(), address.length) == 0);
  const UniqueFd accepted(::accept(tcp.fd(), nullptr, nullptr));
  REQUIRE(accepted);
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  REQUIRE(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &length) == 0);
  CHECK(no_delay != 0);
}

TEST_CASE("ListeningSocket: a port in use is an error that names it, and frees what was opened before") {
  const TemporaryFolder folder;
  const ListeningSocket first = open_one("127.0.0.1:0");
  const std::string taken = first.endpoint().to_string();
  const std::string message = refusal({"unix:" + folder / "x.sock", taken});
  CHECK(contains(message, "cannot listen on " + taken + ": another process listens there"));
  CHECK(contains(message, "ss -ltnp"));
  CHECK_FALSE(fs::exists(folder / "x.sock"));
}

TEST_CASE(
    "ListeningSocket: a port is free again as soon as its socket is closed, with a connection in TIME_WAIT") {
  std::optional<ListeningSocket> first = open_one("127.0.0.1:0");
  const Endpoint endpoint = first->endpoint();
  {
    const SocketAddress address = SocketAddress::of_socket(first->fd());
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.get(), address.get(), address.length) == 0);
    UniqueFd accepted(::accept(first->fd(), nullptr, nullptr));
    accepted.reset();  // the server's side closes first and keeps the state
  }
  first.reset();
  CHECK(open_one(endpoint.to_string()).endpoint() == endpoint);
}

TEST_CASE("ListeningSocket: an address that no interface has is an error that says so") {
  ListenSettings settings;
  settings.allow.add("192.0.2.0/24");  // RFC 5737: never assigned
  const std::string message = refusal({"192.0.2.1:9000"}, settings);
  CHECK(contains(message, "no network interface of this machine has the address 192.0.2.1"));
  CHECK(contains(message, "ip -brief address"));
}

TEST_CASE("ListeningSocket: an unknown interface is an error that names it") {
  ListenSettings settings;
  settings.allow.add("fe80::/10");
  CHECK(contains(refusal({"[fe80::1%nosuch0]:9000"}, settings), "there is no network interface \"nosuch0\""));
}

TEST_CASE("ListeningSocket: FastCGI on an address that is not loopback needs an allow list") {
  for (const char* text : {"0.0.0.0:0", "[::]:0", "10.0.0.1:9000"}) {
    CAPTURE(text);
    const std::string message = refusal({text});
    CHECK(contains(message, "FastCGI has no authentication"));
    CHECK(contains(message, "--allow"));
  }
  ListenSettings settings;
  settings.allow.add("10.0.0.0/8");
  CHECK(open_one("0.0.0.0:0", settings).is_tcp());
  // Both families on one port: [::] means IPv6 only.
  const ListeningSocket v4 = open_one("0.0.0.0:0", settings);
  const auto port = std::to_string(std::get<TcpAddress>(v4.endpoint().place).port);
  CHECK(open_one("[::]:" + port, settings).is_tcp());
}

TEST_CASE("ListeningSocket: an endpoint given twice is an error, port 0 is not") {
  const TemporaryFolder folder;
  CHECK(contains(refusal({"127.0.0.1:9001", "localhost:9001"}), "it is given twice"));
  CHECK(contains(refusal({"unix:" + folder / "x", "unix:" + folder / "x"}), "it is given twice"));
  CHECK(open_all({"127.0.0.1:0", "127.0.0.1:0"}).size() == 2);
}

TEST_CASE("ListeningSocket: a Unix socket has the mode that was asked for, whatever the umask") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0777);
  {
    const ListeningSocket socket = open_one("unix:" + folder / "default.sock");
    CHECK((stat_of(folder / "default.sock").st_mode & 07777) == 0660);
    CHECK(S_ISSOCK(stat_of(folder / "default.sock").st_mode));
    CHECK_FALSE(socket.is_tcp());
    ListenSettings settings;
    settings.rights.mode = 0600;
    ::umask(0);
    const ListeningSocket narrow = open_one("unix:" + folder / "narrow.sock", settings);
    CHECK((stat_of(folder / "narrow.sock").st_mode & 07777) == 0600);
    CHECK(connect_to_path(folder / "narrow.sock") == 0);
  }
  ::umask(before);
}

TEST_CASE("ListeningSocket: owner and group may be given by name or number") {
  const TemporaryFolder folder;
  ListenSettings settings;
  // Our own: everybody may "change" to these.
  settings.rights.owner = std::to_string(::geteuid());
  settings.rights.group = std::to_string(::getegid());
  const ListeningSocket own = open_one("unix:" + folder / "own.sock", settings);
  CHECK(stat_of(folder / "own.sock").st_uid == ::geteuid());
  CHECK(stat_of(folder / "own.sock").st_gid == ::getegid());
  if (::geteuid() == 0) {
    settings.rights.owner = "daemon";
    settings.rights.group = "12345";
    const ListeningSocket other = open_one("unix:" + folder / "other.sock", settings);
    CHECK(stat_of(folder / "other.sock").st_uid != 0);
    CHECK(stat_of(folder / "other.sock").st_gid == 12345);
  }
}

TEST_CASE("ListeningSocket: an unknown owner or group is an error, and no file is left") {
  const TemporaryFolder folder;
  for (const char* name : {"no-such-account", "12x", "-1", "4294967295"}) {
    CAPTURE(name);
    ListenSettings settings;
    settings.rights.owner = name;
    CHECK(contains(refusal({"unix:" + folder / "x.sock"}, settings),
                   "there is no user \"" + std::string(name) + "\""));
    settings.rights.owner.clear();
    settings.rights.group = name;
    CHECK(contains(refusal({"unix:" + folder / "x.sock"}, settings),
                   "there is no group \"" + std::string(name) + "\""));
    CHECK_FALSE(fs::exists(folder / "x.sock"));
  }
}

TEST_CASE("ListeningSocket: giving the file away without the right to is an error, and no file is left") {
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::all);
  without_privileges([&] {
    ListenSettings settings;
    settings.rights.owner = "0";
    const std::string message = refusal({"unix:" + folder / "x.sock"}, settings);
    CHECK(contains(message, "cannot give it to 0:"));
    CHECK_FALSE(fs::exists(folder / "x.sock"));
  });
}

TEST_CASE("ListeningSocket: a stale socket file is replaced") {
  const TemporaryFolder folder;
  foreign_listener(folder / "x.sock").reset();
  REQUIRE(connect_to_path(folder / "x.sock") == ECONNREFUSED);
  const ListeningSocket socket = open_one("unix:" + folder / "x.sock");
  CHECK(connect_to_path(folder / "x.sock") == 0);
}

TEST_CASE("ListeningSocket: a live socket is an error and stays alive") {
  const TemporaryFolder folder;
  const UniqueFd other = foreign_listener(folder / "x.sock");
  CHECK(contains(refusal({"unix:" + folder / "x.sock"}), "another process listens on it"));
  CHECK(connect_to_path(folder / "x.sock") == 0);
}

TEST_CASE("ListeningSocket: a live socket whose queue is full is still a live one") {
  const TemporaryFolder folder;
  const UniqueFd other = foreign_listener(folder / "x.sock");
  std::vector<UniqueFd> clients;
  const SocketAddress address = SocketAddress::from(UnixPath{folder / "x.sock"});
  for (;;) {
    UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(client.get(), address.get(), address.length) != 0) break;
    clients.push_back(std::move(client));
  }
  REQUIRE(errno == EAGAIN);
  CHECK(contains(refusal({"unix:" + folder / "x.sock"}), "another process listens on it"));
}

TEST_CASE("ListeningSocket: a socket of another type is not taken for a stale one") {
  const TemporaryFolder folder;
  const UniqueFd other = foreign_listener(folder / "x.sock", SOCK_DGRAM);
  CHECK(contains(refusal({"unix:" + folder / "x.sock"}), "another process listens on it"));
}

TEST_CASE("ListeningSocket: what is not a socket is left alone") {
  const TemporaryFolder folder;
  folder.write("file", "content");
  fs::create_directory(folder / "folder");
  fs::create_symlink("nowhere", folder / "link");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(refusal({"unix:" + folder / "file"}), "a file of this name exists, not a socket"));
  CHECK(contains(refusal({"unix:" + folder / "folder"}), "a folder of this name exists, not a socket"));
  CHECK(contains(refusal({"unix:" + folder / "link"}), "a symbolic link of this name exists, not a socket"));
  CHECK(
      contains(refusal({"unix:" + folder / "pipe"}), "a device or a pipe of this name exists, not a socket"));
  CHECK(fs::file_size(folder / "file") == 7);
  CHECK(fs::is_symlink(folder / "link"));
}

TEST_CASE("ListeningSocket: a folder that is missing, no folder, or closed to us is an error that names it") {
  const TemporaryFolder folder;
  folder.write("file", "");
  CHECK(contains(refusal({"unix:" + folder / "missing/x.sock"}),
                 "the folder " + folder / "missing" + " does not exist"));
  CHECK(contains(refusal({"unix:" + folder / "file/x.sock"}), folder / "file" + " is not a folder"));

  fs::create_directory(folder / "closed");
  fs::permissions(folder / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(folder.path(), fs::perms::owner_all | fs::perms::others_exec);
  fs::permissions(folder / "closed", fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  without_privileges([&] {
    CHECK(contains(refusal({"unix:" + folder / "closed/x.sock"}),
                   "cannot create a socket in the folder " + folder / "closed"));
  });
}

TEST_CASE("ListeningSocket: a folder that may be written to but not listed is enough") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "blind");
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder / "blind", fs::perms::others_write | fs::perms::others_exec |
                                        fs::perms::owner_write | fs::perms::owner_exec);
  without_privileges([&] {
    {
      const ListeningSocket socket = open_one("unix:" + folder / "blind/x.sock");
      CHECK(connect_to_path(folder / "blind/x.sock") == 0);
    }
    CHECK_FALSE(fs::exists(folder / "blind/x.sock"));
  });
}

TEST_CASE("ListeningSocket: the file goes with the socket, and close may be called again") {
  const TemporaryFolder folder;
  ListeningSocket socket = open_one("unix:" + folder / "x.sock");
  CHECK(fs::exists(folder / "x.sock"));
  socket.close();
  CHECK_FALSE(fs::exists(folder / "x.sock"));
  CHECK(socket.fd() == -1);
  socket.close();
}

TEST_CASE("ListeningSocket: a file that somebody else has put there is not removed") {
  const TemporaryFolder folder;
  ListeningSocket socket = open_one("unix:" + folder / "x.sock");
  fs::remove(folder / "x.sock");
  const UniqueFd successor = foreign_listener(folder / "x.sock");
  socket.close();
  CHECK(connect_to_path(folder / "x.sock") == 0);
}

TEST_CASE("ListeningSocket: a relative path is found again after the working directory changed") {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  ListeningSocket socket = open_one("unix:x.sock");
  fs::current_path(before);
  CHECK(fs::exists(folder / "x.sock"));
  socket.close();
  CHECK_FALSE(fs::exists(folder / "x.sock"));
}

TEST_CASE("ListeningSocket: moving one keeps its file until the last is gone") {
  const TemporaryFolder folder;
  std::optional<ListeningSocket> first = open_one("unix:" + folder / "a.sock");
  ListeningSocket second = open_one("unix:" + folder / "b.sock");
  second = std::move(*first);
  first.reset();
  CHECK(fs::exists(folder / "a.sock"));
  CHECK_FALSE(fs::exists(folder / "b.sock"));
  CHECK(connect_to_path(folder / "a.sock") == 0);
}

TEST_CASE("ListeningSocket: of two servers that start at once on one stale path exactly one wins") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.sock";
  for (int round = 0; round < 20; ++round) {
    foreign_listener(path).reset();
    std::array<std::optional<ListeningSocket>, 2> sockets;
    std::array<std::string, 2> messages;
    std::array<std::thread, 2> threads;
    for (std::size_t i = 0; i < 2; ++i) {
      threads[i] = std::thread([&, i] {
        messages[i] = message_of<StartupError>([&] {
          const Endpoint endpoint = Endpoint::parse("unix:" + path);
          InheritedSockets inherited = nothing_inherited();
          sockets[i] = std::move(open_listening_sockets({&endpoint, 1}, {}, inherited).front());
        });
      });
    }
    for (std::thread& thread : threads) thread.join();
    CAPTURE(messages[0]);
    CAPTURE(messages[1]);
    CHECK((sockets[0].has_value() != sockets[1].has_value()));
    CHECK(connect_to_path(path) == 0);
  }
}

TEST_CASE("ListeningSocket: a duplicate is the same socket and closed on exec") {
  ListeningSocket socket = open_one("127.0.0.1:0");
  const SocketAddress address = SocketAddress::of_socket(socket.fd());
  UniqueFd copy = socket.duplicate();
  CHECK((::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
  socket.close();
  CHECK(connect_to(address) == 0);
  copy.reset();
  CHECK(connect_to(address) == ECONNREFUSED);
}

TEST_CASE("ListeningSocket: a listening descriptor is adopted, and its file left to who made it") {
  const TemporaryFolder folder;
  const int fd = foreign_listener(folder / "x.sock").release();
  {
    const ListeningSocket socket = open_one("fd:" + std::to_string(fd));
    CHECK(socket.fd() == fd);
    CHECK_FALSE(socket.is_tcp());
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(socket.to_string() == "fcgi://fd:" + std::to_string(fd) + " (unix:" + folder / "x.sock" + ")");
    CHECK(connect_to_path(folder / "x.sock") == 0);
  }
  CHECK(fs::exists(folder / "x.sock"));
}

TEST_CASE(
    "ListeningSocket: descriptor 0 is moved away, so that nobody reads connections from standard input [fcgi "
    "2.2]") {
  const TemporaryFolder folder;
  const UniqueFd saved(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  const UniqueFd listener = foreign_listener(folder / "x.sock");
  REQUIRE(::dup2(listener.get(), 0) == 0);
  {
    const ListeningSocket socket = open_one("fd:0");
    CHECK(socket.fd() > 2);
    CHECK(connect_to_path(folder / "x.sock") == 0);
    struct stat standard_input {};
    struct stat null {};
    REQUIRE(::fstat(0, &standard_input) == 0);
    REQUIRE(::stat("/dev/null", &null) == 0);
    CHECK(standard_input.st_rdev == null.st_rdev);
  }
  if (saved) {
    ::dup2(saved.get(), 0);
  } else {
    ::close(0);
  }
}

TEST_CASE(
    "ListeningSocket: a descriptor that is no listening stream socket is an error that says what it is") {
  const TemporaryFolder folder;
  const auto refuse_fd = [](int fd) { return refusal({"fd:" + std::to_string(fd)}); };
  CHECK(contains(refuse_fd(1'000'000), "is not open"));
  CHECK(contains(refuse_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), "is not a socket"));
  CHECK(contains(refuse_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), "does not listen"));
  CHECK(contains(refuse_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), "does not listen"));
  CHECK(contains(refuse_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), "is not a stream socket"));
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  CHECK(contains(refuse_fd(pair[0]), "does not listen"));
  ::close(pair[1]);
}

TEST_CASE("ListeningSocket: an inherited socket that other machines reach needs an allow list too") {
  const auto open_wide = [] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const SocketAddress any = SocketAddress::from(TcpAddress{"0.0.0.0", 0});
    REQUIRE(::bind(fd, any.get(), any.length) == 0);
    REQUIRE(::listen(fd, 1) == 0);
    return "fd:" + std::to_string(fd);
  };
  CHECK(contains(refusal({open_wide()}), "FastCGI has no authentication"));
  ListenSettings settings;
  settings.allow.add("10.0.0.0/8");
  CHECK(open_one(open_wide(), settings).is_tcp());
}

TEST_CASE("ListeningSocket: systemd's sockets are all opened, or those of one name") {
  const TemporaryFolder folder;
  // The protocol fixes the numbers 3 and 4, which the test process may have in use.
  const UniqueFd saved3(::fcntl(3, F_DUPFD_CLOEXEC, 10));
  const UniqueFd saved4(::fcntl(4, F_DUPFD_CLOEXEC, 10));
  const auto place = [&](int number, const std::string& name) {
    UniqueFd fd = foreign_listener(folder / name);
    if (fd.get() != number) {
      REQUIRE(::dup2(fd.get(), number) == number);
    } else {
      [[maybe_unused]] const int kept = fd.release();
    }
  };
  place(3, "a.sock");
  place(4, "b.sock");
  {
    const std::string pid = std::to_string(::getpid());
    InheritedSockets inherited(
        [&](const char* name) -> const char* {
          const std::string_view view(name);
          if (view == "LISTEN_PID") return pid.c_str();
          return view == "LISTEN_FDS" ? "2" : "a:b";
        },
        ::getpid());
    const std::vector<Endpoint> endpoints = {Endpoint::parse("systemd:b"), Endpoint::parse("systemd")};
    const auto sockets = open_listening_sockets(endpoints, {}, inherited);
    REQUIRE(sockets.size() == 2);
    CHECK(sockets[0].to_string() == "fcgi://systemd:b (unix:" + folder / "b.sock" + ")");
    CHECK(sockets[1].to_string() == "fcgi://systemd (unix:" + folder / "a.sock" + ")");
    CHECK(connect_to_path(folder / "a.sock") == 0);
  }
  if (saved3) ::dup2(saved3.get(), 3);
  if (saved4) ::dup2(saved4.get(), 4);
}
