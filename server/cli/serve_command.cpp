#include "server/cli/serve_command.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "server/cli/arguments.hpp"
#include "server/cli/help_text.hpp"
#include "server/cli/option.hpp"
#include "server/cli/suggestion.hpp"
#include "server/config/application_finder.hpp"

namespace owind::cli {
namespace {

constexpr const char* kAppVariable = "OWIND_APP";

Exit usage_error(const std::string& problem, const std::string& way_out = {}) {
  return {kExitUsage, "owind serve: " + problem + "\n" + (way_out.empty() ? "" : "  " + way_out + "\n") +
                          "  owind serve --help shows the options.\n"};
}

std::string help() {
  std::string out = "Usage: owind serve [APP] [OPTION...]\n\n";
  append_wrapped(out,
                 "Serves the OWIN application in the assembly APP (a .dll), or in the folder APP. Without "
                 "APP, the one in $OWIND_APP, "
                 "else in the working directory. Each option can also be given by its environment variable; "
                 "the flag wins.",
                 0);
  out += "\n" + options_help(server_option_table());
  out += "\n  -h, --help                  Show this.\n";
  out +=
      "\nExit codes: 0 stopped as told, 1 could not start, 2 wrong usage, 128 + N ended at once by signal "
      "N.\n";
  return out;
}

/// Several values in one variable.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
    part.erase(part.find_last_not_of(' ') + 1);
    if (!part.empty()) parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

Exit unexpected_argument(const std::string& argument) {
  return usage_error("unexpected argument \"" + argument + "\"",
                     "One APP is served; what else is given needs a flag.");
}

Exit unknown_option(const std::string& argument, std::span<const Option> table) {
  const std::string flag = argument.substr(0, argument.find('='));
  std::vector<std::string_view> flags = {"--help"};
  for (const Option& option : table) flags.push_back(option.flag);
  const std::string_view meant = closest(flag, flags);
  return usage_error("unknown option " + flag,
                     meant.empty() ? "" : "Did you mean " + std::string(meant) + "?");
}

/// The application that `given` names: itself, or the one in the folder.
std::filesystem::path application(const std::string& given) {
  std::error_code ignored;
  if (given.empty()) return config::find_application(std::filesystem::current_path());
  if (std::filesystem::is_directory(given, ignored)) return config::find_application(given);
  return given;
}

}  // namespace

ParseResult parse_serve(std::span<const std::string> arguments, const Environment& environment) {
  const std::span<const Option> table = server_option_table();
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool wants_help = false;
  std::vector<std::string> apps;
  app.add_flag("-h,--help", wants_help);
  // As it was given: else "[x]" would be a list with x in it.
  app.add_option("APP", apps)->allow_extra_args(false);
  // One place for the values of each option; they must not move while CLI11 points to them.
  std::vector<std::vector<std::string>> values(table.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].value.empty()) {
      // Its value is "true", or what follows an equals sign.
      app.add_flag(std::string(table[i].flag), values[i]);
      continue;
    }
    // Takes one argument each time: what follows may be APP.
    app.add_option(std::string(table[i].flag), values[i])->allow_extra_args(false);
  }
  try {
    app.parse(for_cli11(arguments, flags_of(table)));
  } catch (const std::exception& error) {
    return usage_error(error.what());
  }
  if (wants_help) return Exit{kExitOk, help()};
  // First: the value of an unknown option looks like an argument.
  if (const auto extra = first_extra(app.remaining()))
    return extra->is_option ? unknown_option(extra->text, table) : unexpected_argument(extra->text);
  if (apps.size() > 1) return unexpected_argument(apps[1]);

  ServeCommand command;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Option& option = table[i];
    std::string source(option.flag);
    if (values[i].empty()) {
      const char* variable = environment(std::string(option.variable).c_str());
      if (variable == nullptr || *variable == '\0') continue;
      source = option.variable;
      values[i] = option.repeat == Repeat::kMany ? split(variable) : std::vector<std::string>{variable};
      if (values[i].empty()) continue;
    } else if (option.repeat == Repeat::kOnce && values[i].size() > 1) {
      return usage_error(source + " is given " + (values[i].size() == 2 ? "twice" : "more than once"));
    }
    try {
      option.apply(command.options, values[i]);
    } catch (const std::invalid_argument& error) {
      return usage_error(source + ": " + error.what());
    }
  }
  std::string given = apps.empty() ? "" : apps.front();
  if (const char* variable = environment(kAppVariable); given.empty() && variable != nullptr)
    given = variable;
  try {
    command.options.app = application(given);
  } catch (const std::invalid_argument& error) {
    return usage_error(error.what(), "Name the assembly to serve: owind serve APP.dll");
  }
  return command;
}

}  // namespace owind::cli
