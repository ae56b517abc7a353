// Starts the developer's browser: the command in $BROWSER, else xdg-open. It lives as long as it likes, in a
// session of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace owind::dev {

/// The words of the command that opens `url`. `setting`: $BROWSER, a program with arguments, in which %s
/// stands for the address, else it is put behind them; of several with ":" between them the first. A blank in
/// the path of a program that is there is part of it. Empty: xdg-open.
std::vector<std::string> browser_command(std::string_view setting, std::string_view url);

class Browser {
 public:
  /// Does not wait.
  void open(const std::string& url);
  /// What there is to say about one that could not be started or soon failed, once; else empty. To be asked
  /// when a child process has ended.
  std::string problem();

 private:
  pid_t pid_ = -1;
  std::string program_;
  std::string failure_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace owind::dev
