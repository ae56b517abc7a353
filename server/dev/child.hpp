// One child process of the development server: started with descriptors that it inherits, its output read as
// it comes, dead with its parent. For a process of one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/io/unique_fd.hpp"

namespace owind::dev {

struct ChildCommand {
  std::vector<std::string> arguments;                            ///< The first one is looked up in the PATH.
  std::vector<std::pair<std::string, std::string>> environment;  ///< Added, or in place of what is there.
  std::string folder;                                            ///< Empty: ours.
  int inherit = -1;              ///< A descriptor that the child has as number 3; -1: none.
  bool captures_stdout = false;  ///< Else only stderr is read, and stdout is ours.
};

class Child {
 public:
  /// The exit code of a program that does not exist, or cannot be run.
  static constexpr int kCannotRun = 127;

  /// @throws std::system_error when it cannot be started.
  explicit Child(const ChildCommand& command);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Kills and waits.
  ~Child();

  pid_t pid() const { return pid_; }
  /// To be watched for input; -1: closed.
  int output_fd() const { return output_.get(); }
  /// What it has written since the last call, without waiting. All of it is kept in output() as well, the
  /// oldest of much left out.
  std::string read();
  const std::string& output() const { return kept_; }

  void signal(int number);
  /// The wait status (wait(2)) once it has ended.
  std::optional<int> ended();

  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

 private:
  pid_t pid_ = -1;
  io::UniqueFd output_;
  std::string kept_;
  std::optional<int> status_;
};

/// "exit code 1", "signal 11 (Segmentation fault)".
std::string end_text(int wait_status);

}  // namespace owind::dev
