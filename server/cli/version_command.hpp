// owind version: says which version this is.
#pragma once

#include <span>
#include <string>

#include "server/cli/command_line.hpp"

namespace owind::cli {

/// `arguments` are those behind the word "version".
ParseResult parse_version(std::span<const std::string> arguments);

/// "owind 1.2.3" and a newline.
std::string version_text();

}  // namespace owind::cli
