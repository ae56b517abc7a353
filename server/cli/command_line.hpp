// The command line as a value: which command, with which options, or what to print and exit with. Prints
// nothing and starts nothing; main does what it says.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/cli/health_check.hpp"
#include "server/config/server_options.hpp"

namespace owind::cli {

/// Serve the application until a signal says to stop.
struct ServeCommand {
  config::ServerOptions options;
};

/// The development server.
struct DevCommand {
  std::string target;  ///< A project, an assembly, a folder; empty: the working directory.
  std::optional<io::Endpoint> listen;
  bool open_browser = false;
  bool poll_files = false;
  std::vector<std::string> hosts;  ///< Names that it answers for besides localhost.
  std::vector<std::string> serve_arguments;
};

/// Write a project into the folder `name`.
struct NewCommand {
  std::string name;
  std::string project_template = "minimal";
};

/// Ask a running server whether it is well: print the line, exit with 0 or 1.
struct HealthCommand {
  HealthTarget target;
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
};

/// Print `text`, which ends with a newline, to stdout when `code` is 0, else to stderr, and exit with `code`.
struct Exit {
  int code = 0;
  std::string text;
};

/// Exit codes of every command. A process that a second signal ends exits with 128 + its number.
inline constexpr int kExitOk = 0;
inline constexpr int kExitStartupFailure = 1;
inline constexpr int kExitUsage = 2;

using ParseResult = std::variant<ServeCommand, DevCommand, NewCommand, Exit, HealthCommand>;

/// The value of an environment variable, or nullptr.
using Environment = std::function<const char*(const char* name)>;

/// Reads the command and its options. An option comes from its flag, else from its environment variable (an
/// empty one counts as not set), else it has its default. Mistakes are an Exit with kExitUsage; nothing is
/// thrown.
ParseResult parse(int argc, const char* const* argv, const Environment& environment);

/// The same with the environment of this process.
ParseResult parse(int argc, const char* const* argv);

}  // namespace owind::cli
