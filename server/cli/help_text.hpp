// Formats what --help shows from a table of options.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/cli/option.hpp"

namespace owind::cli {

/// `text` in lines of at most kHelpColumns, each after `indent` blanks but the first. A longer word has its
/// own line.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent);

/// Every option under the headline of its group: flag, what it does, its variable and its default.
std::string options_help(std::span<const Option> options);

inline constexpr std::size_t kHelpColumns = 100;

}  // namespace owind::cli
