#include "server/io/inherited_sockets.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "server/io/startup_error.hpp"
#include "tests/server/message_of.hpp"

using namespace owind::io;
using owind::test::contains;
using owind::test::message_of;

namespace {

constexpr pid_t kSelf = 42;

InheritedSockets with(const std::map<std::string, std::string>& variables) {
  return InheritedSockets(
      [&](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      kSelf);
}

std::string refusal(InheritedSockets sockets, std::string_view name = {}) {
  return message_of<StartupError>([&] { sockets.take(name); });
}

}  // namespace

TEST_CASE("InheritedSockets: descriptors are counted from 3 [sd_listen_fds(3)]") {
  auto sockets = with({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "3"}});
  CHECK(sockets.take("") == std::vector<int>{3, 4, 5});
}

TEST_CASE("InheritedSockets: a name takes all sockets that have it, and leaves the others") {
  auto sockets = with({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "4"}, {"LISTEN_FDNAMES", "web:admin:web"}});
  CHECK(sockets.take("web") == std::vector<int>{3, 5});
  CHECK(sockets.take("unknown") == std::vector<int>{6});
  CHECK(sockets.take("") == std::vector<int>{4});
}

TEST_CASE("InheritedSockets: no socket is taken twice") {
  auto sockets = with({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "a:b"}});
  CHECK(sockets.take("a") == std::vector<int>{3});
  CHECK(contains(message_of<StartupError>([&] { sockets.take("a"); }), "another --listen has taken it"));
  CHECK_FALSE(sockets.take_descriptor(3));
  CHECK(sockets.take_descriptor(4));
  CHECK(contains(message_of<StartupError>([&] { sockets.take(""); }), "another --listen has taken it"));
  CHECK(sockets.take_descriptor(0));
  CHECK_FALSE(sockets.take_descriptor(0));
}

TEST_CASE("InheritedSockets: without socket activation taking one says what was missing") {
  CHECK(contains(refusal(with({})), "LISTEN_PID and LISTEN_FDS are not set"));
  CHECK(contains(refusal(with({{"LISTEN_FDS", "1"}})), "are not set"));
  CHECK(contains(refusal(with({{"LISTEN_PID", "43"}, {"LISTEN_FDS", "1"}})),
                 "LISTEN_PID is 43, but this process is 42"));
  CHECK(contains(refusal(with({{"LISTEN_PID", "x"}, {"LISTEN_FDS", "1"}})), "not the number of a process"));
  for (const char* count : {"0", "-1", "", "x", "1x", "4097", "99999999999"}) {
    CAPTURE(count);
    CHECK(contains(refusal(with({{"LISTEN_PID", "42"}, {"LISTEN_FDS", count}})),
                   "LISTEN_FDS is not a number of sockets"));
  }
  CHECK(contains(refusal(with({})), "systemd-socket-activate"));
}

TEST_CASE("InheritedSockets: an unknown name is told with those that exist") {
  const auto message =
      refusal(with({{"LISTEN_PID", "42"}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "web:admin"}}), "wbe");
  CHECK(contains(message, "\"wbe\""));
  CHECK(contains(message, "web, admin"));
}

TEST_CASE("InheritedSockets: descriptors without socket activation are taken once each") {
  auto sockets = with({});
  CHECK(sockets.take_descriptor(3));
  CHECK_FALSE(sockets.take_descriptor(3));
}
