#include "server/process/init.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "server/process/signals.hpp"

namespace owind::process {
namespace {

constexpr int kCannotFork = 1;

/// Sockets that were handed down (sd_listen_fds(3)) are for the process that this variable numbers.
void inherit_sockets() {
  const char* const meant = std::getenv("LISTEN_PID");
  if (meant && std::strcmp(meant, "1") == 0) ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
}

}  // namespace

int watch_over(pid_t child) {
  sigset_t waited;
  sigemptyset(&waited);
  for (const int signal : handled_signals()) sigaddset(&waited, signal);
  sigaddset(&waited, SIGCHLD);
  for (;;) {
    // Before the wait: a child may have ended before SIGCHLD was blocked.
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended != child) continue;
      if (WIFEXITED(status)) return WEXITSTATUS(status);
      return 128 + WTERMSIG(status);
    }
    if (ended < 0 && errno == ECHILD) return kCannotFork;
    siginfo_t signal{};
    if (::sigwaitinfo(&waited, &signal) < 0) continue;
    if (signal.si_signo != SIGCHLD) ::kill(child, signal.si_signo);
  }
}

void leave_number_one() {
  if (::getpid() != 1) return;
  // SIGCHLD is ignored by default, and an ignored signal wakes nobody unless it is blocked.
  sigset_t children, before;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, &before);
  const pid_t child = ::fork();
  if (child == 0) {
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    // A terminal's Ctrl-C comes once, through the parent, and not to both.
    ::setpgid(0, 0);
    inherit_sockets();
    return;
  }
  if (child < 0) {
    std::perror("owind: cannot start the process that serves");
    _exit(kCannotFork);
  }
  ::prctl(PR_SET_NAME, "owind-init");
  _exit(watch_over(child));
}

}  // namespace owind::process
