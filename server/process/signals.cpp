#include "server/process/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

namespace owind::process {
namespace {

constexpr std::array kHandled = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU};

sigset_t handled_set() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : kHandled) ::sigaddset(&set, signal);
  return set;
}

[[noreturn]] void fail(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

std::span<const int> handled_signals() noexcept { return kHandled; }

void block_signals() {
  const sigset_t set = handled_set();
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    fail(error, "cannot block signals");
  // A peer that has gone is an error of send(2). The runtime ignores it as well.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) fail(errno, "cannot ignore SIGPIPE");
}

std::string_view signal_name(int signal) noexcept {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGQUIT:
      return "SIGQUIT";
    case SIGHUP:
      return "SIGHUP";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGUSR2:
      return "SIGUSR2";
    case SIGTTIN:
      return "SIGTTIN";
    case SIGTTOU:
      return "SIGTTOU";
    default:
      return "a signal";
  }
}

SignalThread::SignalThread(std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)), signals_(-1), stop_(-1) {
  const sigset_t set = handled_set();
  try {
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) fail(errno, "cannot make a signalfd");
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    if (stop_ < 0) fail(errno, "cannot make an eventfd");
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    if (stop_ >= 0) ::close(stop_);
    if (signals_ >= 0) ::close(signals_);
    throw;
  }
}

SignalThread::~SignalThread() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(stop_);
  ::close(signals_);
}

void SignalThread::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "owind-signals");
  for (;;) {
    pollfd polled[2] = {{stop_, POLLIN, 0}, {signals_, POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0) continue;  // EINTR only
    if (polled[0].revents != 0) return;
    signalfd_siginfo info;
    if (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      on_signal_(static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace owind::process
