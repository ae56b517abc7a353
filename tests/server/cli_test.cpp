#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/cli/command_line.hpp"
#include "server/cli/help_text.hpp"
#include "server/cli/option.hpp"
#include "server/cli/suggestion.hpp"
#include "server/cli/unknown_variables.hpp"
#include "server/cli/version.hpp"
#include "tests/server/message_of.hpp"
#include "tests/server/temporary_folder.hpp"

using namespace owind;
using namespace std::chrono_literals;
using cli::Exit;
using cli::ServeCommand;
using config::ServerOptions;
using test::contains;
using test::TemporaryFolder;

namespace {

using Variables = std::map<std::string, std::string>;

cli::ParseResult parse(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  std::vector<const char*> argv = {"owind"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return cli::parse(static_cast<int>(argv.size()), argv.data(), [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

/// Options of `owind serve App.dll` with these arguments behind.
ServerOptions serve(std::vector<std::string> arguments, const Variables& variables = {}) {
  arguments.insert(arguments.begin(), {"serve", "App.dll"});
  const auto result = parse(arguments, variables);
  if (const Exit* exit = std::get_if<Exit>(&result)) FAIL(exit->text);
  return std::get<ServeCommand>(result).options;
}

Exit exit_of(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  const auto result = parse(arguments, variables);
  REQUIRE(std::holds_alternative<Exit>(result));
  const Exit exit = std::get<Exit>(result);
  CHECK(exit.text.ends_with('\n'));
  return exit;
}

std::string usage_error(std::vector<std::string> arguments, const Variables& variables = {}) {
  arguments.insert(arguments.begin(), {"serve", "App.dll"});
  const Exit exit = exit_of(arguments, variables);
  CHECK(exit.code == 2);
  return exit.text;
}

/// The arguments that give an option a value; a switch has none but "true".
std::vector<std::string> given(const std::string& flag, const std::string& value) {
  for (const cli::Option& option : cli::server_option_table()) {
    if (option.flag == flag && option.value.empty()) return {flag};
  }
  return {flag, value};
}

/// A value for each option that is not its default.
const std::map<std::string, std::string> kOtherValues = {
    {"--startup", "Shop.Startup"},
    {"--app-name", "shop"},
    {"--mode", "development"},
    {"--validate", "true"},
    {"--path-base", "/shop"},
    {"--data-protection", "/var/lib/keys"},
    {"--listen", "fcgi://unix:/run/x.sock"},
    {"--allow", "10.0.0.0/8"},
    {"--socket-mode", "0600"},
    {"--socket-owner", "www-data"},
    {"--socket-group", "1000"},
    {"--path-mapping", "path-info"},
    {"--encoded-slash", "keep"},
    {"--max-params-bytes", "128k"},
    {"--max-params-count", "50"},
    {"--trust-forwarded", "192.0.2.0/24"},
    {"--static", "/assets=wwwroot/assets"},
    {"--max-param-name-bytes", "1k"},
    {"--max-param-value-bytes", "2k"},
    {"--max-requests-per-connection", "10"},
    {"--request-buffer-bytes", "16k"},
    {"--connection-buffer-bytes", "128k"},
    {"--max-buffered-bytes", "10M"},
    {"--min-body-rate", "240"},
    {"--min-response-rate", "100"},
    {"--max-request-line-bytes", "4k"},
    {"--max-request-headers-bytes", "16k"},
    {"--max-request-headers-count", "60"},
    {"--max-body-bytes", "30M"},
    {"--unread-body-bytes", "64k"},
    {"--shards", "3"},
    {"--dispatch", "pool"},
    {"--max-app-threads", "16"},
    {"--max-requests-in-flight", "99"},
    {"--max-orphans", "7"},
    {"--max-connections", "123"},
    {"--request-timeout", "10s"},
    {"--drain-timeout", "1500ms"},
    {"--drain-delay", "3s"},
    {"--idle-timeout", "61s"},
    {"--first-record-timeout", "2s"},
    {"--head-timeout", "4s"},
    {"--body-timeout", "6s"},
    {"--write-timeout", "7s"},
    {"--unread-body-timeout", "8s"},
    {"--unread-body-idle-timeout", "9s"},
    {"--admin", "http://127.0.0.1:8081"},
    {"--log-level", "debug"},
};

std::string shown(std::string_view flag, const ServerOptions& options) {
  for (const cli::Option& option : cli::server_option_table()) {
    if (option.flag == flag) return option.show(options);
  }
  FAIL("no such option: " << flag);
  return {};
}

TEST_CASE("a variable that looks like an option and is none is named, with the one that was meant") {
  const char* const environment[] = {"OWIND_MAX_APP_TREADS=5", "PATH=/bin", "OWIND_LISTEN=x",  "OWIND_APP=y",
                                     "OWIND_XYZZY=secret",     "OWIND_",    "XOWIND_SHARDS=1", nullptr};
  const auto lines = cli::unknown_variables(environment);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] ==
        "the environment variable OWIND_MAX_APP_TREADS is no option of owind, and ignored; did you mean "
        "OWIND_MAX_APP_THREADS?");
  CHECK(lines[1] == "the environment variable OWIND_XYZZY is no option of owind, and ignored");
  CHECK(contains(lines[2], "OWIND_ is no option"));
  CHECK(cli::unknown_variables(nullptr).empty());
}

}  // namespace

TEST_CASE("cli: serve without options has the defaults of ServerOptions") {
  const ServerOptions options = serve({});
  CHECK(options.app == "App.dll");
  const ServerOptions defaults;
  for (const cli::Option& option : cli::server_option_table()) {
    CAPTURE(option.flag);
    CHECK(option.show(options) == option.show(defaults));
  }
  CHECK(options.listen.front().to_string() == "fcgi://127.0.0.1:9000");
}

TEST_CASE("cli: every option is taken from its flag, else from its variable, else from its default") {
  CHECK(kOtherValues.size() == cli::server_option_table().size());
  for (const cli::Option& option : cli::server_option_table()) {
    CAPTURE(option.flag);
    const std::string flag(option.flag);
    const std::string variable(option.variable);
    REQUIRE(kOtherValues.contains(flag));
    const std::string value = kOtherValues.at(flag);
    const std::string standard = option.show({});
    CHECK(value != standard);
    CHECK(option.show(serve(given(flag, value))) == value);
    CHECK(option.show(serve({flag + "=" + value})) == value);
    CHECK(option.show(serve({}, {{variable, value}})) == value);
    if (!standard.empty()) CHECK(option.show(serve({flag, standard}, {{variable, value}})) == standard);
    // An empty variable is as good as none: compose files set them so.
    CHECK(option.show(serve({}, {{variable, ""}})) == standard);
  }
}

TEST_CASE(
    "cli: a switch is on by its flag, takes true and false behind an equals sign, and swallows no argument") {
  CHECK(serve({"--validate"}).validate);
  CHECK(serve({"--validate=true"}).validate);
  CHECK_FALSE(serve({"--validate=false"}).validate);
  CHECK_FALSE(serve({"--validate=false"}, {{"OWIND_VALIDATE", "1"}}).validate);
  for (const char* word : {"true", "1", "on", "yes"}) CHECK(serve({}, {{"OWIND_VALIDATE", word}}).validate);
  for (const char* word : {"false", "0", "off", "no", ""})
    CHECK_FALSE(serve({}, {{"OWIND_VALIDATE", word}}).validate);
  const auto result = parse({"serve", "--validate", "Other.dll"});
  REQUIRE(std::holds_alternative<ServeCommand>(result));
  CHECK(std::get<ServeCommand>(result).options.app == "Other.dll");
  CHECK(contains(usage_error({"--validate=maybe"}), "--validate: \"maybe\" is neither true nor false"));
  CHECK(contains(usage_error({}, {{"OWIND_VALIDATE", "maybe"}}), "OWIND_VALIDATE: \"maybe\""));
  CHECK(contains(usage_error({"--validate", "--validate"}), "--validate is given twice"));
}

TEST_CASE("cli: --static takes a path and a folder, any number of times") {
  const auto mounts = serve({"--static", "/=wwwroot", "--static=/a/b/=x=y"}).static_mounts;
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].prefix.empty());
  CHECK(mounts[0].folder == "wwwroot");
  CHECK(mounts[1].prefix == "/a/b");
  CHECK(mounts[1].folder == "x=y");
  CHECK(serve({}, {{"OWIND_STATIC", "/a=x; /b=y"}}).static_mounts.size() == 2);
  for (const char* wrong : {"wwwroot", "/a", "/a=", "a=b", "=b", "/a//b=c", "/a%20b=c", ""}) {
    CAPTURE(wrong);
    CHECK(contains(usage_error({"--static", wrong}), "--static: \""));
  }
}

TEST_CASE("cli: an option changes no other") {
  const ServerOptions defaults;
  for (const auto& [flag, value] : kOtherValues) {
    CAPTURE(flag);
    const ServerOptions options = serve(given(flag, value));
    for (const cli::Option& other : cli::server_option_table()) {
      if (other.flag != flag) CHECK(other.show(options) == other.show(defaults));
    }
  }
}

TEST_CASE("cli: flags and variables are named after each other") {
  std::set<std::string_view> seen;
  for (const cli::Option& option : cli::server_option_table()) {
    std::string name = "OWIND_" + std::string(option.flag.substr(2));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    });
    CHECK(option.variable == name);
    CHECK(seen.insert(option.flag).second);
  }
}

TEST_CASE("cli: help shows every option with its variable and its default") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"serve", "--help"},
                                                    {"serve", "-h"},
                                                    {"serve", "App.dll", "--shards", "2", "--help"}}) {
    const Exit exit = exit_of(arguments);
    CHECK(exit.code == 0);
    for (const cli::Option& option : cli::server_option_table()) {
      CAPTURE(option.flag);
      CHECK(contains(exit.text, std::string(option.flag) + " " + std::string(option.value)));
      CHECK_FALSE(contains(exit.text, std::string(option.flag) + " \n"));
      CHECK(contains(exit.text, "[env " + std::string(option.variable)));
      if (const std::string standard = option.show({}); !standard.empty()) {
        CHECK(contains(exit.text, "[default " + standard + "]"));
      }
    }
    std::istringstream lines(exit.text);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= cli::kHelpColumns);
  }
}

TEST_CASE("cli: each command has help, and owind itself") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"-h"}, {"help"}, {"serve", "--help"}, {"version", "--help"}}) {
    const Exit exit = exit_of(arguments);
    CHECK(exit.code == 0);
    CHECK(exit.text.starts_with("Usage: owind"));
  }
}

TEST_CASE("cli: the version is printed by command and by flag") {
  for (const char* word : {"version", "--version"}) {
    const Exit exit = exit_of({word});
    CHECK(exit.code == 0);
    CHECK(exit.text == "owind " + std::string(cli::version()) + "\n");
  }
  const std::string_view version = cli::version();
  CHECK(std::count(version.begin(), version.end(), '.') == 2);
  CHECK(version.find_first_not_of("0123456789.") == std::string_view::npos);
  CHECK(exit_of({"version", "x"}).code == 2);
}

TEST_CASE("cli: without a command, or with an unknown one, usage is an error with a hint") {
  CHECK(exit_of({}).code == 2);
  CHECK(contains(exit_of({}).text, "Usage: owind COMMAND"));
  CHECK(exit_of({"sevre"}).code == 2);
  CHECK(contains(exit_of({"sevre"}).text, "Did you mean owind serve?"));
  CHECK(contains(exit_of({"--versoin"}).text, "Did you mean owind --version?"));
  CHECK(contains(exit_of({"App.dll"}).text, "owind serve App.dll"));
  CHECK(cli::parse(0, nullptr, [](const char*) -> const char* { return nullptr; }).index() == 3);
}

TEST_CASE("cli: an unknown option is named, with the one that was meant") {
  CHECK(contains(usage_error({"--shard", "2"}), "unknown option --shard\n  Did you mean --shards?"));
  CHECK(contains(usage_error({"--lisetn=127.0.0.1:1"}), "unknown option --lisetn\n  Did you mean --listen?"));
  const std::string strange = usage_error({"--quite-different"});
  CHECK(contains(strange, "unknown option --quite-different"));
  CHECK_FALSE(contains(strange, "Did you mean"));
  CHECK(contains(usage_error({"-x"}), "unknown option -x"));
}

TEST_CASE("cli: a second application is an unexpected argument") {
  CHECK(contains(usage_error({"Other.dll"}), "unexpected argument \"Other.dll\""));
}

TEST_CASE("cli: an option takes exactly one value, so that the application may follow") {
  const auto result = parse({"serve", "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2", "App.dll"});
  REQUIRE(std::holds_alternative<ServeCommand>(result));
  const auto& options = std::get<ServeCommand>(result).options;
  CHECK(options.app == "App.dll");
  CHECK(options.listen.size() == 2);
  CHECK(contains(usage_error({"--shards"}), "--shards"));
  CHECK(contains(usage_error({"--shards", "1", "--shards", "2"}), "--shards is given twice"));
}

TEST_CASE("cli: IPv6 endpoints and paths with blanks arrive as they were given") {
  CHECK(serve({"--listen", "[::1]:9000"}).listen.front().to_string() == "fcgi://[::1]:9000");
  CHECK(serve({"--listen", "unix:/a b/c.sock"}).listen.front().to_string() == "fcgi://unix:/a b/c.sock");
}

TEST_CASE("cli: a variable holds several values with semicolons between them") {
  const ServerOptions options =
      serve({}, {{"OWIND_LISTEN", "127.0.0.1:1; unix:/a.sock ;"}, {"OWIND_ALLOW", "10.0.0.0/8;::1"}});
  CHECK(shown("--listen", options) == "fcgi://127.0.0.1:1;fcgi://unix:/a.sock");
  CHECK(shown("--allow", options) == "10.0.0.0/8;::1/128");
  CHECK(shown("--listen", serve({}, {{"OWIND_LISTEN", " ; "}})) == "fcgi://127.0.0.1:9000");
}

TEST_CASE("cli: a wrong value is told with the flag or variable that it came from") {
  CHECK(contains(usage_error({"--shards", "257"}), "--shards: \"257\" is not a whole number from 0 to 256"));
  CHECK(contains(usage_error({"--shards", "-1"}), "--shards"));
  CHECK(contains(usage_error({"--shards", "2x"}), "--shards: \"2x\""));
  CHECK(
      contains(usage_error({}, {{"OWIND_SHARDS", "many"}}), "OWIND_SHARDS: \"many\" is not a whole number"));
  CHECK(contains(usage_error({"--dispatch", "fast"}), "\"fast\" is none of steal, inline, pool"));
  CHECK(contains(usage_error({"--listen", "127.0.0.1"}), "the port is missing"));

  CHECK(contains(usage_error({"--allow", "everybody"}), "is not a network"));
  CHECK(contains(usage_error({"--max-params-bytes", "1"}), "is not from 1k to 1024M"));
  CHECK(contains(usage_error({"--idle-timeout", "0"}), "the least is 1ms"));
  CHECK(contains(usage_error({"--idle-timeout", "soon"}), "is not a duration"));
  for (const char* mode : {"rw", "1000", "0999", "", "-1", "0x1f"}) {
    CAPTURE(mode);
    CHECK(contains(usage_error({"--socket-mode", mode}), "--socket-mode"));
  }
}

TEST_CASE("cli: the path base starts with a slash and loses the one at its end") {
  CHECK(serve({"--path-base", "/shop/"}).path_base == "/shop");
  CHECK(serve({"--path-base", "/"}).path_base.empty());
  CHECK(serve({"--path-base", "/grüße/x"}).path_base == "/grüße/x");
  for (const char* path : {"shop", "//shop", "/a//b", "/a?b", "/a#b", "/a%20b", "/a\nb"}) {
    CAPTURE(path);
    CHECK(contains(usage_error({"--path-base", path}), "is not a path"));
  }
}

TEST_CASE("cli: limits are those of what they limit") {
  CHECK(serve({"--socket-mode", "660"}).socket_rights.mode == 0660);
  CHECK(serve({"--max-body-bytes", "5G"}).max_body_bytes == std::uint64_t{5} << 30);
  CHECK(serve({"--request-timeout", "0"}).request_timeout == 0ms);
  CHECK(serve({"--shards", "0"}).shards == 0);
}

TEST_CASE("cli: without an application the only one of a folder is served") {
  const TemporaryFolder folder;
  folder.write("Shop.dll", "");
  folder.write("Shop.runtimeconfig.json", "{}");
  const auto named = parse({"serve", folder.path().string()});
  REQUIRE(std::holds_alternative<ServeCommand>(named));
  CHECK(std::get<ServeCommand>(named).options.app == folder / "Shop.dll");

  const auto from_variable = parse({"serve"}, {{"OWIND_APP", folder / "Shop.dll"}});
  REQUIRE(std::holds_alternative<ServeCommand>(from_variable));
  CHECK(std::get<ServeCommand>(from_variable).options.app == folder / "Shop.dll");

  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto found = parse({"serve"});
  std::filesystem::remove("Shop.dll");
  const Exit missing = exit_of({"serve"});
  std::filesystem::current_path(before);
  REQUIRE(std::holds_alternative<ServeCommand>(found));
  CHECK(std::get<ServeCommand>(found).options.app.filename() == "Shop.dll");
  CHECK(missing.code == 2);
  CHECK(contains(missing.text, "there is no application in the folder"));
  CHECK(contains(missing.text, "owind serve APP.dll"));
}

TEST_CASE("cli: an empty value behind an equals sign is one, and what follows is not") {
  const auto parsed = parse({"serve", "--app-name=", "App.dll", "--startup=", "--listen", "127.0.0.1:1"},
                            {{"OWIND_STARTUP", "Other"}});
  REQUIRE(std::holds_alternative<ServeCommand>(parsed));
  const auto& options = std::get<ServeCommand>(parsed).options;
  CHECK(options.app == "App.dll");
  CHECK(options.app_name.empty());
  CHECK(options.startup.empty());
  CHECK(shown("--listen", options) == "fcgi://127.0.0.1:1");
  CHECK(serve({"--startup", "--app-name="}).startup == "--app-name=");
  CHECK(contains(usage_error({"--shards="}), "--shards: \"\" is not a whole number"));
  CHECK(contains(usage_error({"--validate="}), "--validate: \"\" is neither true nor false"));
}

TEST_CASE("cli: behind -- nothing is an option") {
  const auto app = [](const std::vector<std::string>& arguments) {
    const auto parsed = parse(arguments);
    if (const Exit* exit = std::get_if<Exit>(&parsed)) FAIL(exit->text);
    return std::get<ServeCommand>(parsed).options.app.string();
  };
  CHECK(app({"serve", "--", "App.dll"}) == "App.dll");
  CHECK(app({"serve", "App.dll", "--"}) == "App.dll");
  CHECK(app({"serve", "--shards", "2", "--", "--shards=.dll"}) == "--shards=.dll");
  CHECK(app({"serve", "--", "--"}) == "--");
  CHECK(contains(usage_error({"--", "--shards"}), "unexpected argument \"--shards\""));
  CHECK(std::get<cli::NewCommand>(parse({"new", "--template", "katana", "--", "Shop"})).name == "Shop");
  CHECK(contains(exit_of({"new", "--", "--template"}).text, "\"--template\" is no name"));
}

TEST_CASE("cli: brackets are part of a name") {
  const auto parsed = parse({"serve", "[x].dll"});
  CHECK(std::get<ServeCommand>(parsed).options.app == "[x].dll");
  CHECK(std::get<ServeCommand>(parse({"serve", "[a,b]"})).options.app == "[a,b]");
  CHECK(serve({"--app-name", "[x]"}).app_name == "[x]");
}

TEST_CASE("cli: an option without its value says what is wanted, with an example that is taken") {
  CHECK(contains(usage_error({"--listen"}),
                 "--listen needs a value: ENDPOINT, such as --listen fcgi://127.0.0.1:9000"));
  for (const cli::Option& option : cli::server_option_table()) {
    if (option.value.empty()) continue;
    const std::string flag(option.flag);
    CAPTURE(flag);
    const std::string text = usage_error({flag});
    const std::string before = " needs a value: " + std::string(option.value) + ", such as " + flag + " ";
    REQUIRE(contains(text, flag + before));
    const std::size_t at = text.find(before) + before.size();
    CHECK_NOTHROW(serve({flag, text.substr(at, text.find('\n', at) - at)}));
  }
  CHECK(contains(exit_of({"dev", "--listen"}).text, "such as --listen http://127.0.0.1:5000"));
  CHECK(contains(exit_of({"dev", "--host"}).text, "--host needs a value"));
  CHECK(contains(exit_of({"new", "x", "--template"}).text, "minimal, middleware or katana"));
  CHECK(contains(exit_of({"health", "--timeout"}).text, "such as --timeout 5s"));
}

TEST_CASE("cli: owind dev names the endpoint to write in place of one for FastCGI") {
  for (const char* endpoint : {"127.0.0.1:9000", "fcgi://127.0.0.1:9000"})
    CHECK(contains(exit_of({"dev", "--listen", endpoint}).text, "write http://127.0.0.1:9000\n"));
}

TEST_CASE("cli: owind dev refuses at once what every process that it starts would stumble over") {
  const auto dev = [](std::vector<std::string> arguments, const Variables& variables) {
    arguments.insert(arguments.begin(), "dev");
    return parse(arguments, variables);
  };
  const auto result = dev({}, {{"OWIND_SHARDS", "x"}});
  REQUIRE(std::holds_alternative<Exit>(result));
  CHECK(std::get<Exit>(result).code == 2);
  CHECK(contains(std::get<Exit>(result).text, "OWIND_SHARDS: \"x\" is not a whole number"));
  CHECK(std::holds_alternative<Exit>(dev({"--", "--shards", "x"}, {})));
  CHECK(std::holds_alternative<cli::DevCommand>(dev({"--", "--shards", "2"}, {{"OWIND_SHARDS", "x"}})));
  // Of these it gives its children values of their own.
  CHECK(std::holds_alternative<cli::DevCommand>(
      dev({}, {{"OWIND_LISTEN", "x"}, {"OWIND_ADMIN", "x"}, {"OWIND_MODE", "x"}, {"OWIND_LOG_LEVEL", "x"}})));
}

TEST_CASE("cli: suggestions are near what was written, or none") {
  const std::vector<std::string_view> words = {"--listen", "--shards", "--allow"};
  CHECK(cli::closest("--listn", words) == "--listen");
  CHECK(cli::closest("--lisetn", words) == "--listen");
  CHECK(cli::closest("--shard", words) == "--shards");
  CHECK(cli::closest("--elephant", words) == "");
  CHECK(cli::closest("", words) == "");
  CHECK(cli::closest(std::string(1'000'000, 'x'), words) == "");
}
