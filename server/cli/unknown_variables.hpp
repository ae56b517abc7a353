// Environment variables that look like options and are none: a misspelt one would be ignored silently.
#pragma once

#include <string>
#include <vector>

namespace owind::cli {

/// One line for each variable of `environment` (NAME=VALUE…, a null pointer at the end) that begins with OWIND_ and
/// belongs to no option: its name, and the option that was probably meant. Never its value, which may be a secret.
std::vector<std::string> unknown_variables(const char* const* environment);

}  // namespace owind::cli
