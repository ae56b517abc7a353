#include "hosting/runtime_config.hpp"

#include <doctest/doctest.h>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::Folder;
using testing::has;

namespace {

std::string parse_error(const std::string& text) {
  return testing::error_of([&] { (void)parse_runtime_config("/app/App.runtimeconfig.json", text); });
}

}  // namespace

TEST_CASE("RuntimeConfig: the file of a web application, with comments and a byte-order mark") {
  const auto config = parse_runtime_config("/a/App.runtimeconfig.json",
                                           "\xEF\xBB\xBF"
                                           R"({
    // written by hand
    "runtimeOptions": {
      "tfm": "net10.0",
      "rollForward": "Major",
      "frameworks": [
        { "name": "Microsoft.NETCore.App", "version": "10.0.0" },
        { "name": "Microsoft.AspNetCore.App", "version": "10.0.1", "rollForward": "LatestPatch" } /* two */
      ],
      "configProperties": { "System.GC.Server": true, "A": "text", "N": 5, "Null": null, "List": [1] }
    } })");
  REQUIRE(config.frameworks.size() == 2);
  CHECK(config.frameworks[0].name == "Microsoft.NETCore.App");
  CHECK_FALSE(config.frameworks[0].roll_forward);
  CHECK(config.frameworks[1].version == "10.0.1");
  CHECK(config.frameworks[1].roll_forward == "LatestPatch");
  CHECK(config.roll_forward == "Major");
  CHECK_FALSE(config.self_contained);
  CHECK(config.properties ==
        std::map<std::string, std::string>{{"System.GC.Server", "true"}, {"A", "text"}, {"N", "5"}});
}

TEST_CASE("RuntimeConfig: a single framework, and a self-contained application") {
  const auto one =
      parse_runtime_config("f", R"({"runtimeOptions":{"framework":{"name":"X","version":"1.0.0"}}})");
  REQUIRE(one.frameworks.size() == 1);
  CHECK(one.frameworks[0].name == "X");
  CHECK(parse_runtime_config("f",
                             R"({"runtimeOptions":{"includedFrameworks":[{"name":"X","version":"1.0.0"}]}})")
            .self_contained);
}

TEST_CASE("RuntimeConfig: broken JSON is reported with file, line and column") {
  const std::string error = parse_error("{\n  \"runtimeOptions\": {\n    \"tfm\" \"net10.0\"\n} }");
  CHECK(has(error, "/app/App.runtimeconfig.json"));
  CHECK(has(error, "line 3, column "));
  CHECK_FALSE(has(error, "json.exception"));
  CHECK(has(error, "To do: publish the application again"));
  CHECK(has(parse_error(""), "line 1, column 1"));
  CHECK(has(parse_error("{\"a\":1"), "unexpected end of input"));
  CHECK(has(parse_error("\xFF\xFE{}"), "line 1"));
  CHECK(has(parse_error(std::string(100000, '[')), "unexpected end of input"));
}

TEST_CASE("RuntimeConfig: a wrong shape is reported with the place in the document") {
  CHECK(has(parse_error("[]"), "an object is expected"));
  CHECK(has(parse_error("{}"), "\"runtimeOptions\" is missing"));
  CHECK(has(parse_error(R"({"runtimeOptions":5})"), "/runtimeOptions: an object is expected"));
  CHECK(has(parse_error(R"({"runtimeOptions":{"framework":"X"}})"),
            "/runtimeOptions/framework: an object is expected"));
  CHECK(has(parse_error(R"({"runtimeOptions":{"framework":{"version":"1"}}})"),
            "/runtimeOptions/framework: \"name\" is missing"));
  CHECK(has(parse_error(R"({"runtimeOptions":{"frameworks":{}}})"),
            "/runtimeOptions/frameworks: an array is expected"));
  CHECK(has(parse_error(R"({"runtimeOptions":{"frameworks":[{"name":"X","version":1}]}})"),
            "/runtimeOptions/frameworks/0/version: a string is expected"));
  CHECK(has(parse_error(R"({"runtimeOptions":{"rollForward":1}})"),
            "/runtimeOptions/rollForward: a string is expected"));
  CHECK(has(parse_error(R"({"runtimeOptions":{"configProperties":[]}})"),
            "/runtimeOptions/configProperties: an object"));
}

TEST_CASE("RuntimeConfig: it lies beside the assembly under the assembly's name") {
  CHECK(runtime_config_path("/a/My.App.dll") == "/a/My.App.runtimeconfig.json");
  CHECK(runtime_config_path("/a/App.exe") == "/a/App.runtimeconfig.json");
  Folder folder;
  CHECK_FALSE(read_runtime_config(folder.path() / "App.dll"));
  folder.write("App.runtimeconfig.json",
               R"({"runtimeOptions":{"framework":{"name":"X","version":"1.0.0"}}})");
  const auto config = read_runtime_config(folder.path() / "App.dll");
  REQUIRE(config);
  CHECK(config->file == folder.path() / "App.runtimeconfig.json");
  CHECK(config->frameworks.size() == 1);
}

TEST_CASE("RuntimeConfig: a folder or a huge file in its place is an error") {
  Folder folder;
  folder.make("App.runtimeconfig.json");
  folder.write("Big.runtimeconfig.json", std::string(1024 * 1024 + 1, ' '));
  CHECK(has(testing::error_of([&] { (void)read_runtime_config(folder.path() / "App.dll"); }),
            "it is not a file"));
  CHECK(has(testing::error_of([&] { (void)read_runtime_config(folder.path() / "Big.dll"); }),
            "larger than 1 MiB"));
}

TEST_CASE("RuntimeConfig: what is written is read back the same") {
  const auto config = parse_runtime_config(
      "f", write_runtime_config({{"A", "10.0.0", std::nullopt}, {"B", "1.2.3", "Minor"}}, "LatestMajor"));
  CHECK(config.roll_forward == "LatestMajor");
  REQUIRE(config.frameworks.size() == 2);
  CHECK(config.frameworks[0].name == "A");
  CHECK(config.frameworks[1].version == "1.2.3");
  CHECK(config.frameworks[1].roll_forward == "Minor");
}
