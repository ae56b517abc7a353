#include "server/process/init.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "server/process/signals.hpp"

using namespace owind::process;

namespace {

/// Runs `act` in a process of its own and says how it exited; 255 when it did not.
int exit_code_of(const std::function<int()>& act) {
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    block_signals();
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    // As number 1 does, it takes in the children of those who end.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    _exit(act());
  }
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

pid_t child(const std::function<void()>& act) {
  const pid_t process = ::fork();
  if (process == 0) {
    act();
    _exit(0);
  }
  return process;
}

[[noreturn]] void wait_for(int signal) {
  sigset_t waited;
  sigemptyset(&waited);
  sigaddset(&waited, signal);
  int got = 0;
  ::sigwait(&waited, &got);
  _exit(40 + got);
}

}  // namespace

TEST_CASE("init: the exit code of the child is that of the container") {
  CHECK(exit_code_of([] { return watch_over(child([] { _exit(7); })); }) == 7);
  CHECK(exit_code_of([] { return watch_over(child([] {})); }) == 0);
}

TEST_CASE("init: a child that a signal ended is shown as a shell shows it") {
  CHECK(exit_code_of([] { return watch_over(child([] { ::raise(SIGKILL); })); }) == 128 + SIGKILL);
}

TEST_CASE("init: the handled signals are passed on") {
  for (const int signal : handled_signals()) {
    CHECK(exit_code_of([&] {
            const pid_t server = child([&] { wait_for(signal); });
            ::kill(::getpid(), signal);
            return watch_over(server);
          }) == 40 + signal);
  }
}

TEST_CASE("init: orphans are taken in and waited for, while the child goes on") {
  CHECK(exit_code_of([] {
          int lines[2];
          if (::pipe(lines) != 0) return 100;
          const pid_t server = child([&] {
            // A grandchild whose parent ends first, and that says its number.
            const pid_t parent = child([&] {
              child([&] {
                const pid_t number = ::getpid();
                if (::write(lines[1], &number, sizeof number) < 0) _exit(1);
              });
            });
            ::waitpid(parent, nullptr, 0);
            pid_t orphan = 0;
            if (::read(lines[0], &orphan, sizeof orphan) != sizeof orphan) _exit(101);
            // Gone for good: a zombie could still be sent a signal.
            while (::kill(orphan, 0) == 0) ::sched_yield();
            _exit(33);
          });
          return watch_over(server);
        }) == 33);
}

TEST_CASE("init: a process that is not number 1 goes on as it is") {
  const pid_t before = ::getpid();
  leave_number_one();
  CHECK(::getpid() == before);
}
