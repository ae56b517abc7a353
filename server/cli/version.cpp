#include "server/cli/version.hpp"

namespace owind::cli {

std::string_view version() noexcept { return OWIND_VERSION; }

}  // namespace owind::cli
