#include "server/dev/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace owind::dev {
namespace {

constexpr std::size_t kMostKept = 256 * 1024;

[[noreturn]] void become(const ChildCommand& command, char* const* arguments, int output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may be too late for that.
  if (::getppid() != parent) _exit(126);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (command.captures_stdout) ::dup2(output, 1);
  ::dup2(output, 2);
  if (command.inherit >= 0) {
    if (command.inherit == 3)
      ::fcntl(3, F_SETFD, 0);
    else
      ::dup2(command.inherit, 3);
  }
  if (!command.folder.empty() && ::chdir(command.folder.c_str()) != 0) {
    const std::string text = "cannot go to " + command.folder + ": " + std::strerror(errno) + "\n";
    [[maybe_unused]] const ssize_t n = ::write(2, text.data(), text.size());
    _exit(126);
  }
  for (const auto& [name, value] : command.environment) ::setenv(name.c_str(), value.c_str(), 1);
  ::execvp(arguments[0], arguments);
  const std::string text = command.arguments[0] + ": " + std::strerror(errno) + "\n";
  [[maybe_unused]] const ssize_t n = ::write(2, text.data(), text.size());
  _exit(Child::kCannotRun);
}

}  // namespace

Child::Child(const ChildCommand& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  output_.reset(ends[0]);
  const io::UniqueFd theirs(ends[1]);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  std::vector<char*> arguments;
  for (const std::string& each : command.arguments) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) become(command, arguments.data(), theirs.get(), parent);
}

Child::~Child() {
  if (ended()) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string Child::read() {
  std::string text;
  char buffer[16 * 1024];
  while (output_) {
    const ssize_t n = ::read(output_.get(), buffer, sizeof buffer);
    if (n > 0) {
      text.append(buffer, static_cast<std::size_t>(n));
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      if (n == 0) output_.reset();
      break;
    }
  }
  kept_ += text;
  if (kept_.size() > kMostKept) kept_.erase(0, kept_.size() - kMostKept);
  return text;
}

void Child::signal(int number) {
  if (!ended()) ::kill(pid_, number);
}

std::optional<int> Child::ended() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

std::string end_text(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
}

}  // namespace owind::dev
