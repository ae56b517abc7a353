// The processes that a development server has started by way of others, such as the helpers that a build
// leaves waiting for the next one: found by a variable in their environment, which is inherited. Not the
// browser, which is started without it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace owind::dev {

/// Those whose environment has NAME=VALUE, but the calling one. A process that is not ours to look at is not
/// among them.
std::vector<pid_t> processes_with(std::string_view name, std::string_view value);

/// Kills them, and what they start meanwhile.
void kill_processes_with(std::string_view name, std::string_view value);

}  // namespace owind::dev
