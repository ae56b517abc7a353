// The pages that stand in for an application that cannot answer: it is being built, its build has failed, it
// did not start, it has ended. Everything that is not ours is escaped.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/dev/diagnostic.hpp"

namespace owind::dev {

std::string escape_html(std::string_view text);

std::string building_page(std::string_view name);
/// `output`: shown where there are no diagnostics.
std::string build_failed_page(std::string_view name, std::span<const Diagnostic> diagnostics,
                              std::string_view output);
/// `headline`: one sentence; `details`: what the process has written.
std::string failure_page(std::string_view headline, std::string_view details);

}  // namespace owind::dev
