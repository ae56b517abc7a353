#include "hosting/framework_check.hpp"

#include <doctest/doctest.h>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::Folder;
using testing::has;

TEST_CASE("satisfies: each rollForward policy") {
  struct Row {
    const char* installed;
    const char* policies_that_accept_10_0_1;
  };
  for (const Row row :
       {Row{"9.0.12", ""}, Row{"10.0.0", ""}, Row{"10.0.1-rc.1", ""},
        Row{"10.0.1", "Disable LatestPatch Minor LatestMinor Major LatestMajor nonsense"},
        Row{"10.0.12", "LatestPatch Minor LatestMinor Major LatestMajor nonsense"},
        Row{"10.2.0", "Minor LatestMinor Major LatestMajor nonsense"}, Row{"11.0.0", "Major LatestMajor"}}) {
    for (const char* policy :
         {"Disable", "LatestPatch", "Minor", "LatestMinor", "Major", "LatestMajor", "nonsense"}) {
      CAPTURE(row.installed);
      CAPTURE(policy);
      const std::string accepting = std::string(" ") + row.policies_that_accept_10_0_1 + " ";
      CHECK(satisfies(*SemanticVersion::parse(row.installed), *SemanticVersion::parse("10.0.1"), policy) ==
            has(accepting, std::string(" ") + policy + " "));
    }
  }
  CHECK(satisfies(*SemanticVersion::parse("11.0.0"), *SemanticVersion::parse("10.0.1"), "major"));
}

TEST_CASE("list_frameworks: names and ascending versions, other folders ignored") {
  Folder folder;
  for (const char* name :
       {"shared/A/10.0.12", "shared/A/9.0.1", "shared/A/10.0.0-rc.1", "shared/A/tmp", "shared/B/tmp"})
    folder.make(name);
  folder.write("shared/file");
  const auto installed = list_frameworks(folder.path());
  REQUIRE(installed.size() == 1);
  REQUIRE(installed.at("A").size() == 3);
  CHECK(installed.at("A")[0].to_string() == "9.0.1");
  CHECK(installed.at("A")[2].to_string() == "10.0.12");
  CHECK(list_frameworks(folder.path() / "nowhere").empty());
}

TEST_CASE("explain_frameworks: wanted against installed") {
  const InstalledFrameworks installed = {
      {"A", {*SemanticVersion::parse("9.0.1"), *SemanticVersion::parse("10.0.12")}}};
  RuntimeConfig config;
  config.frameworks = {{"A", "11.0.0", std::nullopt},
                       {"A", "9.0.0", "Disable"},
                       {"B", "1.0.0", std::nullopt},
                       {"A", "ten", std::nullopt}};
  const auto lines = explain_frameworks(config, installed, std::nullopt);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "wanted: A 11.0.0 (rollForward Minor); installed: 9.0.1, 10.0.12, none of which fits");
  CHECK(lines[1] == "wanted: A 9.0.0 (rollForward Disable); installed: 9.0.1, 10.0.12, none of which fits");
  CHECK(lines[2] == "wanted: B 1.0.0 (rollForward Minor); installed: none");
  CHECK(has(lines[3], "not of the form"));
  config.roll_forward = "Major";
  CHECK(has(explain_frameworks(config, installed, std::nullopt)[0], "(rollForward Major)"));
  CHECK(explain_frameworks(config, installed, "LatestPatch")[1] ==
        "wanted: A 9.0.0 (rollForward LatestPatch); installed: 9.0.1, 10.0.12");
}
