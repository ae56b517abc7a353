#include "server/io/inherited_sockets.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "server/io/startup_error.hpp"

namespace owind::io {
namespace {

/// More than any .socket unit has; keeps a mistyped number from becoming a loop over all integers.
constexpr int kMaxSockets = 4096;

bool parse_positive(const char* text, int& number) {
  const std::string_view view(text);
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), number);
  return error == std::errc{} && end == view.data() + view.size() && number > 0;
}

}  // namespace

InheritedSockets InheritedSockets::from_environment() {
  return InheritedSockets([](const char* name) -> const char* { return std::getenv(name); }, ::getpid());
}

InheritedSockets::InheritedSockets(const Environment& environment, pid_t self) {
  const char* pid_text = environment("LISTEN_PID");
  const char* count_text = environment("LISTEN_FDS");
  const char* names_text = environment("LISTEN_FDNAMES");
  int pid = 0;
  int count = 0;
  if (pid_text == nullptr || count_text == nullptr) {
    problem_ = "LISTEN_PID and LISTEN_FDS are not set, so this process was not started by socket activation";
  } else if (!parse_positive(pid_text, pid)) {
    problem_ = std::string("LISTEN_PID is not the number of a process: ") + pid_text;
  } else if (pid != self) {
    problem_ = std::string("LISTEN_PID is ") + pid_text + ", but this process is " + std::to_string(self) +
               ": the sockets were meant for a process in between";
  } else if (!parse_positive(count_text, count) || count > kMaxSockets) {
    problem_ = std::string("LISTEN_FDS is not a number of sockets: ") + count_text;
  }
  if (!problem_.empty()) return;

  std::string_view names = names_text == nullptr ? "" : names_text;
  for (int index = 0; index < count; ++index) {
    const auto colon = names.find(':');
    const std::string_view name = names.substr(0, colon);
    sockets_.push_back({kFirstFd + index, std::string(name.empty() ? "unknown" : name)});
    names = colon == std::string_view::npos ? "" : names.substr(colon + 1);
  }
}

std::vector<int> InheritedSockets::take(std::string_view name) {
  const std::string wanted =
      name.empty() ? "any socket from systemd" : "the socket \"" + std::string(name) + "\" from systemd";
  if (!problem_.empty()) {
    throw StartupError(
        "cannot listen on " + wanted + ": " + problem_,
        "Start it by a .socket unit (systemctl start NAME.socket), try it with systemd-socket-activate, or "
        "give an address with --listen.");
  }
  std::vector<int> taken;
  bool known = false;
  std::string names;
  for (Socket& socket : sockets_) {
    names += (names.empty() ? "" : ", ") + socket.name;
    if (!name.empty() && socket.name != name) continue;
    known = true;
    if (socket.taken) continue;
    socket.taken = true;
    taken.push_back(socket.fd);
  }
  if (!known) {
    throw StartupError("cannot listen on " + wanted + ": LISTEN_FDNAMES has " + names,
                       "Set FileDescriptorName= in the .socket unit, or name one of these.");
  }
  if (taken.empty()) {
    throw StartupError("cannot listen on " + wanted + ": another --listen has taken it",
                       "Give each socket to one --listen only.");
  }
  return taken;
}

bool InheritedSockets::take_descriptor(int fd) {
  const auto socket =
      std::find_if(sockets_.begin(), sockets_.end(), [fd](const Socket& s) { return s.fd == fd; });
  if (socket != sockets_.end()) return !std::exchange(socket->taken, true);
  if (std::find(others_.begin(), others_.end(), fd) != others_.end()) return false;
  others_.push_back(fd);
  return true;
}

}  // namespace owind::io
