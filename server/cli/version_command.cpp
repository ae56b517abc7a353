#include "server/cli/version_command.hpp"

#include "server/cli/version.hpp"

namespace owind::cli {

std::string version_text() { return "owind " + std::string(version()) + "\n"; }

ParseResult parse_version(std::span<const std::string> arguments) {
  if (arguments.empty()) return Exit{kExitOk, version_text()};
  if (arguments.front() == "--help" || arguments.front() == "-h") {
    return Exit{kExitOk, "Usage: owind version\n\nPrints the version of owind, as owind --version does.\n"};
  }
  return Exit{kExitUsage, "owind version: unexpected argument \"" + arguments.front() + "\"\n"};
}

}  // namespace owind::cli
