// `owind dev`: the development server.
#pragma once

#include <span>
#include <string>

#include "server/cli/command_line.hpp"

namespace owind::cli {

/// The arguments behind "dev".
ParseResult parse_dev(std::span<const std::string> arguments, const Environment& environment);

}  // namespace owind::cli
