// owind health: what it is told, and whom it asks when it is told nothing.
#include "server/cli/health_command.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/server/message_of.hpp"

using namespace owind;
using namespace std::chrono_literals;
using cli::HealthTarget;
using test::contains;

namespace {

using Variables = std::map<std::string, std::string>;

cli::ParseResult parse(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  return cli::parse_health(arguments, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string target(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  const auto result = parse(arguments, variables);
  if (const auto* exit = std::get_if<cli::Exit>(&result)) FAIL(exit->text);
  return std::get<cli::HealthCommand>(result).target.to_string();
}

std::string failure(const std::vector<std::string>& arguments) {
  const auto result = parse(arguments);
  REQUIRE(std::holds_alternative<cli::Exit>(result));
  const auto& exit = std::get<cli::Exit>(result);
  CHECK(exit.code == 1);
  CHECK(exit.text.find('\n') == exit.text.size() - 1);
  return exit.text;
}

}  // namespace

TEST_CASE("health: an endpoint is FastCGI unless it says http, and may name a path then") {
  CHECK(target({"127.0.0.1:9000"}) == "fcgi://127.0.0.1:9000");
  CHECK(target({"unix:/run/x.sock"}) == "fcgi://unix:/run/x.sock");
  CHECK(target({"fcgi://[::1]:9000"}) == "fcgi://[::1]:9000");
  CHECK(target({"http://127.0.0.1:8080"}) == "http://127.0.0.1:8080/");
  CHECK(target({"http://127.0.0.1:8080/-/ready?x=1"}) == "http://127.0.0.1:8080/-/ready?x=1");
  CHECK(target({"http://[::1]:8080/a/b"}) == "http://[::1]:8080/a/b");
  CHECK(target({"http://unix:/run/x.sock"}) == "http://unix:/run/x.sock:/");
  CHECK(target({"http://unix:/run/x.sock:/-/live"}) == "http://unix:/run/x.sock:/-/live");
}

TEST_CASE("health: without an endpoint it asks the server of the same environment") {
  CHECK(target({}) == "fcgi://127.0.0.1:9000");
  CHECK(target({}, {{"OWIND_LISTEN", "unix:/run/a.sock;http://127.0.0.1:80"}}) == "fcgi://unix:/run/a.sock");
  CHECK(target({}, {{"OWIND_LISTEN", " ; http://127.0.0.1:80"}}) == "http://127.0.0.1:80/");
  CHECK(target({}, {{"OWIND_LISTEN", "unix:/a"}, {"OWIND_ADMIN", "127.0.0.1:81"}}) ==
        "http://127.0.0.1:81/-/ready");
  CHECK(target({}, {{"OWIND_ADMIN", "http://unix:/run/a.sock"}}) == "http://unix:/run/a.sock:/-/ready");
}

TEST_CASE("health: a mistake is one line and exit code 1") {
  CHECK(contains(failure({"nonsense"}), "\"nonsense\" is not an endpoint"));
  CHECK(contains(failure({"fd:3"}), "names no address"));
  CHECK(contains(failure({"systemd:x"}), "names no address"));
  CHECK(contains(failure({"http://127.0.0.1:80/a b"}), "blank"));
  CHECK(contains(failure({"http://127.0.0.1:80/a\r\nb"}), "control character"));
  CHECK(contains(failure({"127.0.0.1:9000", "--timeout", "soon"}), "--timeout"));
  CHECK(contains(failure({"127.0.0.1:9000", "--timeout", "0"}), "--timeout"));
  CHECK(contains(failure({"127.0.0.1:9000", "127.0.0.1:9001"}), "owind health"));
  CHECK(contains(failure({"--no-such"}), "owind health: unknown option --no-such"));
  // An empty value is one, and takes no other argument in its place.
  for (const std::vector<std::string>& empty : {std::vector<std::string>{"--timeout="}, {"--timeout", ""}}) {
    std::vector<std::string> arguments = empty;
    arguments.push_back("127.0.0.1:1");
    CHECK(contains(failure(arguments), "--timeout: \"\" is not a duration"));
  }
}

TEST_CASE("health: the time can be set") {
  CHECK(std::get<cli::HealthCommand>(parse({"127.0.0.1:1"})).timeout == 5s);
  CHECK(std::get<cli::HealthCommand>(parse({"--timeout", "250ms", "127.0.0.1:1"})).timeout == 250ms);
  CHECK(target({"--timeout=250ms", "--", "127.0.0.1:1"}) == "fcgi://127.0.0.1:1");
}

TEST_CASE("health: help is no failure") {
  const auto result = parse({"--help"});
  REQUIRE(std::holds_alternative<cli::Exit>(result));
  CHECK(std::get<cli::Exit>(result).code == 0);
  CHECK(contains(std::get<cli::Exit>(result).text, "http://unix:SOCKET:/PATH"));
}
