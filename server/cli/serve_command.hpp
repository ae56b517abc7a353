// owind serve: serves one application until a signal says to stop.
#pragma once

#include <span>
#include <string>

#include "server/cli/command_line.hpp"

namespace owind::cli {

/// `arguments` are those behind the word "serve".
ParseResult parse_serve(std::span<const std::string> arguments, const Environment& environment);

}  // namespace owind::cli
