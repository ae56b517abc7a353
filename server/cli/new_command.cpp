#include "server/cli/new_command.hpp"

#include <utility>

#include "server/dev/project_template.hpp"

namespace owind::cli {
namespace {

constexpr const char* kHelp =
    "Usage: owind new NAME [--template minimal|middleware|katana]\n"
    "\n"
    "Makes the folder NAME with a project that builds and runs at once:\n"
    "\n"
    "  owind new NAME && cd NAME && owind dev\n"
    "\n"
    "Templates:\n"
    "  minimal      One class that answers; no package.\n"
    "  middleware   Middleware classes, and a table of pages; no package.\n"
    "  katana       With Microsoft.Owin from the package registry.\n"
    "\n"
    "Options:\n"
    "  -h, --help   Show this.\n";

Exit usage_error(const std::string& problem) {
  return {kExitUsage, "owind new: " + problem + "\n  owind new --help shows how to call it.\n"};
}

}  // namespace

ParseResult parse_new(std::span<const std::string> arguments) {
  NewCommand command;
  bool options_ended = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const bool is_option = !options_ended && word.starts_with('-');
    if (is_option && (word == "-h" || word == "--help")) return Exit{kExitOk, kHelp};
    if (is_option && word == "--") {
      options_ended = true;
    } else if (is_option && (word == "--template" || word.starts_with("--template="))) {
      if (word.size() > 10)
        command.project_template = word.substr(11);
      else if (++i < arguments.size())
        command.project_template = arguments[i];
      else
        return usage_error("--template needs a value: minimal, middleware or katana");
    } else if (is_option) {
      return usage_error("unknown option " + word);
    } else if (!command.name.empty()) {
      return usage_error("unexpected argument \"" + word + "\"");
    } else {
      command.name = word;
    }
  }
  if (command.name.empty()) return usage_error("the NAME of the project is missing");
  if (!dev::is_project_name(command.name))
    return usage_error("\"" + command.name +
                       "\" is no name for a project: letters, digits, _ - and ., beginning with a letter");
  std::string known;
  for (const std::string_view each : dev::template_names()) {
    if (each == command.project_template) return command;
    known.append(known.empty() ? "" : ", ").append(each);
  }
  return usage_error("there is no template \"" + command.project_template + "\", only " + known);
}

}  // namespace owind::cli
