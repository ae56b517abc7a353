// The version of this build: that of the CMake project.
#pragma once

#include <string_view>

namespace owind::cli {

/// "1.2.3"; lives as long as the program.
std::string_view version() noexcept;

}  // namespace owind::cli
