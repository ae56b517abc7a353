// Lets a build write assemblies that a running process has loaded. The runtime maps them, and a build writes
// over the file in place: the process would find another assembly's bytes under its feet. So each file gets a
// copy in its place first; the process keeps the old one, which has no name any more.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace owind::dev {

/// The regular files below `folder` that the process has mapped and that still have their names.
std::vector<std::filesystem::path> mapped_files(pid_t process, const std::filesystem::path& folder);

/// Puts a copy with the same times and rights in the place of `file`. False: not possible, or it has changed
/// meanwhile, and nothing was done.
bool replace_by_copy(const std::filesystem::path& file);

}  // namespace owind::dev
