#include "server/process/signals.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using namespace owind::process;

namespace {

class Received {
 public:
  void add(int signal) {
    const std::lock_guard lock(mutex_);
    signals_.push_back(signal);
    changed_.notify_all();
  }
  std::vector<int> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return signals_.size() >= count; });
    return signals_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> signals_;
};

/// Restores the mask and the action of the test process.
class SignalState {
 public:
  SignalState() {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    ::sigaction(SIGPIPE, nullptr, &pipe_);
  }
  SignalState(const SignalState&) = delete;
  SignalState& operator=(const SignalState&) = delete;
  ~SignalState() {
    ::sigaction(SIGPIPE, &pipe_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  sigset_t mask_;
  struct sigaction pipe_;
};

}  // namespace

TEST_CASE("signals: exactly the handled ones are blocked, and those that the runtime needs are not") {
  const SignalState restore;
  block_signals();
  sigset_t mask;
  REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0);
  const auto handled = handled_signals();
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU}) {
    CHECK(std::find(handled.begin(), handled.end(), signal) != handled.end());
    CHECK(::sigismember(&mask, signal) == 1);
  }
  CHECK(handled.size() == 8);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGRTMIN, SIGCHLD, SIGPIPE}) {
    CAPTURE(signal);
    CHECK(::sigismember(&mask, signal) == 0);
  }
  struct sigaction pipe {};
  REQUIRE(::sigaction(SIGPIPE, nullptr, &pipe) == 0);
  CHECK((pipe.sa_handler == SIG_IGN));
}

TEST_CASE("signals: each handled signal reaches the callback, also one that came before the thread") {
  const SignalState restore;
  block_signals();
  Received received;
  REQUIRE(::kill(::getpid(), SIGTERM) == 0);
  {
    SignalThread thread([&](int signal) { received.add(signal); });
    CHECK(received.wait_for(1) == std::vector<int>{SIGTERM});
    std::size_t count = 1;
    for (const int signal : handled_signals()) {
      REQUIRE(::kill(::getpid(), signal) == 0);
      CHECK(received.wait_for(++count).back() == signal);
    }
  }
}

TEST_CASE("signals: threads that start later do not take them away") {
  const SignalState restore;
  block_signals();
  Received received;
  SignalThread thread([&](int signal) { received.add(signal); });
  std::mutex mutex;
  mutex.lock();
  std::thread other([&] { const std::lock_guard wait(mutex); });
  REQUIRE(::kill(::getpid(), SIGHUP) == 0);
  CHECK(received.wait_for(1) == std::vector<int>{SIGHUP});
  mutex.unlock();
  other.join();
}

TEST_CASE("signals: the thread ends without a signal") {
  const SignalState restore;
  block_signals();
  SignalThread thread([](int) { FAIL("no signal was sent"); });
}

TEST_CASE("signals: the handled ones have names") {
  CHECK(signal_name(SIGTERM) == "SIGTERM");
  for (const int signal : handled_signals()) CHECK(signal_name(signal).starts_with("SIG"));
  CHECK(signal_name(SIGKILL) == "a signal");
}
