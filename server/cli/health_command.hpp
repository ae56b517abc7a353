// owind health: asks a running server whether it is well.
#pragma once

#include <span>
#include <string>

#include "server/cli/command_line.hpp"

namespace owind::cli {

/// `arguments` are those behind the word "health". Mistakes are an Exit with code 1, not kExitUsage: what
/// container engines make of 2 is not defined.
ParseResult parse_health(std::span<const std::string> arguments, const Environment& environment);

}  // namespace owind::cli
