#include "server/cli/command_line.hpp"

#include <array>
#include <cstdlib>
#include <exception>
#include <vector>

#include "server/cli/dev_command.hpp"
#include "server/cli/health_command.hpp"
#include "server/cli/new_command.hpp"
#include "server/cli/serve_command.hpp"
#include "server/cli/suggestion.hpp"
#include "server/cli/version_command.hpp"

namespace owind::cli {
namespace {

constexpr std::array<std::string_view, 7> kWords = {"serve",   "dev",    "new",      "health",
                                                    "version", "--help", "--version"};

constexpr const char* kHelp =
    "Usage: owind COMMAND [ARGUMENT...]\n"
    "\n"
    "An application server for .NET (OWIN) applications.\n"
    "\n"
    "Commands:\n"
    "  new NAME      Make a project to begin with.\n"
    "  dev [PROJECT] Build and serve a project at your desk, and follow its changes.\n"
    "  serve [APP]   Serve the application in the assembly APP.\n"
    "  health        Ask a running server whether it answers.\n"
    "  version       Print the version.\n"
    "\n"
    "Options:\n"
    "  -h, --help    Show this; owind COMMAND --help shows the options of a command.\n"
    "  --version     Print the version.\n";

Exit unknown_command(const std::string& word) {
  const std::string_view meant = closest(word, kWords);
  std::string text =
      std::string("owind: unknown ") + (word.starts_with('-') ? "option " : "command ") + word + "\n";
  if (!meant.empty()) text.append("  Did you mean owind ").append(meant).append("?\n");
  if (word.ends_with(".dll"))
    text.append("  To serve an application: owind serve ").append(word).append("\n");
  return {kExitUsage, text + "  owind --help shows the commands.\n"};
}

}  // namespace

ParseResult parse(int argc, const char* const* argv, const Environment& environment) try {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (arguments.empty()) return Exit{kExitUsage, kHelp};
  const std::string& word = arguments.front();
  const std::span<const std::string> rest = std::span(arguments).subspan(1);
  if (word == "serve") return parse_serve(rest, environment);
  if (word == "dev") return parse_dev(rest, environment);
  if (word == "new") return parse_new(rest);
  if (word == "health") return parse_health(rest, environment);
  if (word == "version") return parse_version(rest);
  if (word == "--version") return Exit{kExitOk, version_text()};
  if (word == "--help" || word == "-h" || word == "help") return Exit{kExitOk, kHelp};
  return unknown_command(word);
} catch (const std::exception& error) {
  return Exit{kExitUsage, std::string("owind: cannot read the command line: ") + error.what() + "\n"};
}

ParseResult parse(int argc, const char* const* argv) {
  return parse(argc, argv, [](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace owind::cli
