// `owind new`: a project to begin with.
#pragma once

#include <span>
#include <string>

#include "server/cli/command_line.hpp"

namespace owind::cli {

/// The arguments behind "new". Writes nothing; main does.
ParseResult parse_new(std::span<const std::string> arguments);

}  // namespace owind::cli
