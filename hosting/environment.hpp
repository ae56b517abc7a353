// What the search for the runtime sees of the machine: environment variables, the root of the file system and
// the processor architecture. Tests give their own, so that nothing of the real machine leaks in.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace owind::hosting {

struct Environment {
  /// The value of an environment variable; nothing when it is not set. An empty value counts as not set
  /// everywhere.
  std::function<std::optional<std::string>(const std::string& name)> variable;

  /// Put before /etc/dotnet and the default folders; "/" on a real machine.
  std::filesystem::path file_system_root = "/";

  /// As .NET writes it in upper case: X64, ARM64, …; empty when .NET has no name for it.
  std::string architecture;

  /// The environment of this process. Reads variables when asked: not while another thread calls setenv.
  static Environment of_process();

  /// variable(name), with an empty value counted as not set.
  [[nodiscard]] std::optional<std::string> value(const std::string& name) const;
};

}  // namespace owind::hosting
