#include "server/cli/health_command.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "server/cli/arguments.hpp"
#include "server/cli/help_text.hpp"
#include "server/config/duration.hpp"

namespace owind::cli {
namespace {

constexpr std::string_view kReadyPath = "/-/ready";

std::string help() {
  std::string out = "Usage: owind health [ENDPOINT] [OPTION...]\n\n";
  append_wrapped(out,
                 "Asks a running server whether it answers, prints one line, and exits with 0 if it does, "
                 "else with 1: for "
                 "probes and HEALTHCHECK.",
                 0);
  out +=
      "\n"
      "ENDPOINT:\n"
      "  ADDRESS:PORT, unix:PATH       FastCGI, by FCGI_GET_VALUES; fcgi:// may stand before it.\n"
      "  http://ADDRESS:PORT/PATH      HTTP, by GET of the path: healthy with a status from 200 to 399.\n"
      "  http://unix:SOCKET:/PATH      The same over a Unix socket.\n"
      "  Without it: /-/ready of $OWIND_ADMIN, else the first of $OWIND_LISTEN, else 127.0.0.1:9000.\n"
      "\n"
      "Options:\n"
      "  --timeout TIME                For all of it. [default 5s]\n"
      "  -h, --help                    Show this.\n";
  return out;
}

Exit failure(const std::string& problem) {
  return {kExitStartupFailure, "owind health: " + problem.substr(0, problem.find('\n')) + "\n"};
}

/// What the server of the same environment listens on.
std::string server_of(const Environment& environment) {
  const auto value = [&](const char* name) {
    const char* const text = environment(name);
    return std::string(text ? text : "");
  };
  if (std::string admin = value("OWIND_ADMIN"); !admin.empty()) {
    if (!admin.starts_with("http://")) admin.insert(0, "http://");
    return admin.append(admin.starts_with("http://unix:") ? ":" : "").append(kReadyPath);
  }
  const std::string listen = value("OWIND_LISTEN");
  const auto begin = std::min(listen.find_first_not_of("; "), listen.size());
  const std::string first = listen.substr(begin, listen.find_first_of("; ", begin) - begin);
  return first.empty() ? "127.0.0.1:9000" : first;
}

}  // namespace

ParseResult parse_health(std::span<const std::string> arguments, const Environment& environment) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool wants_help = false;
  std::string endpoint;
  std::vector<std::string> timeouts;
  app.add_flag("-h,--help", wants_help);
  app.add_option("ENDPOINT", endpoint);
  app.add_option("--timeout", timeouts)->allow_extra_args(false);
  const auto usage_error = [](const std::string& problem) {
    return failure(problem + "; owind health --help shows the usage");
  };
  try {
    const Flag known[] = {{"--timeout", "TIME", "5s"}};
    app.parse(for_cli11(arguments, known));
  } catch (const std::exception& error) {
    return usage_error(error.what());
  }
  if (const auto extra = first_extra(app.remaining()))
    return usage_error((extra->is_option ? "unknown option " : "unexpected argument ") + extra->text);
  if (timeouts.size() > 1) return usage_error("--timeout is given more than once");
  if (wants_help) return Exit{kExitOk, help()};
  HealthCommand command;
  try {
    if (!timeouts.empty()) command.timeout = config::parse_duration(timeouts.front());
    if (command.timeout.count() == 0) return failure("--timeout: the least is 1ms");
  } catch (const std::invalid_argument& error) {
    return failure(std::string("--timeout: ") + error.what());
  }
  try {
    command.target = HealthTarget::parse(endpoint.empty() ? server_of(environment) : endpoint);
  } catch (const std::invalid_argument& error) {
    return failure(error.what());
  }
  return command;
}

}  // namespace owind::cli
