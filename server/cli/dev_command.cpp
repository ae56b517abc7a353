#include "server/cli/dev_command.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "server/cli/serve_command.hpp"
#include "server/cli/suggestion.hpp"

namespace owind::cli {
namespace {

constexpr const char* kHelp =
    "Usage: owind dev [PROJECT | APP.dll] [OPTION...] [-- SERVE-OPTION...]\n"
    "\n"
    "Builds the project, serves it on http://127.0.0.1:5000 or the next free port, and follows every\n"
    "change: builds again, swaps the process without refusing a connection, and refreshes open pages.\n"
    "Compiler errors are shown here and in the browser. An APP.dll is served as it is, and again when\n"
    "it changes. Without an argument: the project in the working directory.\n"
    "\n"
    "Options:\n"
    "  --listen ENDPOINT   http://ADDRESS:PORT, or http://unix:PATH.\n"
    "  --host NAME         Answer for this name as well, such as one in /etc/hosts. On a loopback address\n"
    "                      only localhost is answered for, so that no other site can read the pages.\n"
    "                      May be given several times.\n"
    "  --open              Start the browser in $BROWSER, else xdg-open, when the page is there.\n"
    "  --poll              Look at the files twice a second instead of being told of changes: for network\n"
    "                      and container mounts. Also DOTNET_USE_POLLING_FILE_WATCHER=1.\n"
    "  -h, --help          Show this.\n"
    "  -- ...              Options of owind serve, such as -- --startup NAME.\n"
    "\n"
    "Colours are used on a terminal unless NO_COLOR is set.\n";

constexpr std::string_view kFastCgi = "fcgi://";

Exit usage_error(const std::string& problem) {
  return {kExitUsage, "owind dev: " + problem + "\n  owind dev --help shows the options.\n"};
}

/// Mistakes in options of `owind serve` and in their variables are told now, not by each child, for which
/// they are meant.
std::optional<Exit> serve_mistake(const std::vector<std::string>& serve_arguments,
                                  const Environment& environment) {
  std::vector<std::string> all{"app.dll"};
  all.insert(all.end(), serve_arguments.begin(), serve_arguments.end());
  // Children are given values of their own for these.
  static constexpr std::array<std::string_view, 4> kOurs = {"OWIND_LISTEN", "OWIND_ADMIN", "OWIND_MODE",
                                                            "OWIND_LOG_LEVEL"};
  const auto parsed = parse_serve(all, [&](const char* name) {
    return std::find(kOurs.begin(), kOurs.end(), name) == kOurs.end() ? environment(name) : nullptr;
  });
  const auto* exit = std::get_if<Exit>(&parsed);
  return exit ? std::optional(*exit) : std::nullopt;
}

bool is_set(const char* value) {
  const std::string_view text = value == nullptr ? "" : value;
  return text == "1" || text == "true";
}

}  // namespace

ParseResult parse_dev(std::span<const std::string> arguments, const Environment& environment) {
  DevCommand command;
  command.poll_files = is_set(environment("DOTNET_USE_POLLING_FILE_WATCHER"));
  bool has_target = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "-h" || word == "--help") return Exit{kExitOk, kHelp};
    if (word == "--") {
      command.serve_arguments.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      for (const std::string& each : command.serve_arguments) {
        if (each == "--listen" || each.starts_with("--listen="))
          return usage_error("--listen stands before the --: there is one listener");
        if (each == "--admin" || each.starts_with("--admin="))
          return usage_error("--admin: the development server has no probes to answer");
      }
      break;
    }
    if (word == "--open") {
      command.open_browser = true;
    } else if (word == "--poll") {
      command.poll_files = true;
    } else if (word == "--listen" || word.starts_with("--listen=")) {
      if (command.listen) return usage_error("--listen is given twice");
      std::string value;
      if (word.size() > 8)
        value = word.substr(9);
      else if (++i < arguments.size())
        value = arguments[i];
      else
        return usage_error("--listen needs a value: ENDPOINT, such as --listen http://127.0.0.1:5000");
      try {
        command.listen = io::Endpoint::parse(value);
      } catch (const std::invalid_argument& error) {
        return usage_error(std::string("--listen: ") + error.what());
      }
      if (command.listen->scheme != io::Scheme::kHttp)
        return usage_error("--listen: the development server speaks HTTP; write http://" +
                           command.listen->to_string().substr(kFastCgi.size()));
    } else if (word == "--host" || word.starts_with("--host=")) {
      if (word.size() > 6)
        command.hosts.push_back(word.substr(7));
      else if (++i < arguments.size())
        command.hosts.push_back(arguments[i]);
      else
        return usage_error("--host needs a value: NAME, such as --host app.test");
      const std::string& name = command.hosts.back();
      if (name.empty() || name.find_first_of(":/,") != std::string::npos)
        return usage_error("--host: \"" + name + "\" is no name of a host; no port, no http://");
    } else if (word.starts_with('-')) {
      static constexpr std::array<std::string_view, 5> kFlags = {"--listen", "--host", "--open", "--poll",
                                                                 "--help"};
      const std::string_view meant = closest(word, kFlags);
      return usage_error("unknown option " + word +
                         (meant.empty() ? "; options of owind serve stand behind --"
                                        : "\n  Did you mean " + std::string(meant) + "?"));
    } else if (std::exchange(has_target, true)) {
      return usage_error("unexpected argument \"" + word + "\"");
    } else {
      command.target = word;
    }
  }
  if (const auto mistake = serve_mistake(command.serve_arguments, environment)) return *mistake;
  return command;
}

}  // namespace owind::cli
