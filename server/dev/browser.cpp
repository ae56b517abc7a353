#include "server/dev/browser.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "server/dev/child.hpp"

namespace owind::dev {

namespace {

/// Later it is the user who ends it, whatever its exit code.
constexpr std::chrono::seconds kSoon{10};

}  // namespace

std::vector<std::string> browser_command(std::string_view setting, std::string_view url) {
  std::vector<std::string> words;
  if (const std::string all(setting); !all.empty() && ::access(all.c_str(), X_OK) == 0) {
    words.push_back(all);
  } else {
    setting = setting.substr(0, setting.find(':'));
    while (!setting.empty()) {
      const std::size_t end = std::min(setting.find(' '), setting.size());
      if (end != 0) words.emplace_back(setting.substr(0, end));
      setting.remove_prefix(std::min(end + 1, setting.size()));
    }
  }
  if (words.empty()) words.emplace_back("xdg-open");
  bool has_place = false;
  for (std::string& word : words) {
    const std::size_t at = word.find("%s");
    if (at == std::string::npos) continue;
    word.replace(at, 2, url);
    has_place = true;
  }
  if (!has_place) words.emplace_back(url);
  return words;
}

void Browser::open(const std::string& url) {
  const char* setting = std::getenv("BROWSER");
  std::vector<std::string> words = browser_command(setting == nullptr ? "" : setting, url);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  program_ = words.front();
  started_ = std::chrono::steady_clock::now();
  pid_ = ::fork();
  if (pid_ < 0) failure_ = std::strerror(errno);
  if (pid_ != 0) return;
  // Not ours to keep, and Ctrl-C is not meant for it.
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execvp(arguments[0], arguments.data());
  _exit(Child::kCannotRun);
}

std::string Browser::problem() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == Child::kCannotRun)
      failure_ = "it cannot be run";
    else if (status != 0 && std::chrono::steady_clock::now() - started_ < kSoon)
      failure_ = end_text(status);
  }
  if (failure_.empty()) return {};
  return "no browser was opened by " + program_ + ": " + std::exchange(failure_, {}) +
         "; BROWSER names the one to use";
}

}  // namespace owind::dev
