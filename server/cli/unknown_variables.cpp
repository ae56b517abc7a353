#include "server/cli/unknown_variables.hpp"

#include <algorithm>
#include <string_view>

#include "server/cli/option.hpp"
#include "server/cli/suggestion.hpp"
#include "server/dev/child_role.hpp"

namespace owind::cli {

std::vector<std::string> unknown_variables(const char* const* environment) {
  std::vector<std::string_view> known = {"OWIND_APP", dev::kGenerationVariable, dev::kPageVariable,
                                         dev::kHostsVariable, dev::kServerVariable};
  for (const Option& option : server_option_table()) known.push_back(option.variable);
  std::vector<std::string> lines;
  for (; environment && *environment; ++environment) {
    const std::string_view entry(*environment);
    const std::string_view name = entry.substr(0, entry.find('='));
    if (!name.starts_with("OWIND_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string line =
        "the environment variable " + std::string(name) + " is no option of owind, and ignored";
    if (const auto meant = closest(name, known); !meant.empty())
      line.append("; did you mean ").append(meant).append("?");
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace owind::cli
