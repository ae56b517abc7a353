#include "hosting/semantic_version.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using owind::hosting::SemanticVersion;

TEST_CASE("SemanticVersion: each of the list is lower than the next [SemVer 11]") {
  const std::vector<std::string> ascending = {"0.0.0",         "9.0.9",          "9.0.12",
                                              "10.0.0-1",      "10.0.0-2",       "10.0.0-10",
                                              "10.0.0-alpha",  "10.0.0-alpha.1", "10.0.0-alpha.beta",
                                              "10.0.0-beta.2", "10.0.0-beta.11", "10.0.0-preview.7.25380.108",
                                              "10.0.0-rc.1",   "10.0.0-rc.1.1",  "10.0.0-rc.2",
                                              "10.0.0",        "10.0.2",         "10.0.12",
                                              "10.1.0-rc.1",   "10.1.0",         "11.0.0-alpha",
                                              "4294967295.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      CAPTURE(ascending[i]);
      CAPTURE(ascending[j]);
      const auto left = SemanticVersion::parse(ascending[i]);
      const auto right = SemanticVersion::parse(ascending[j]);
      REQUIRE(left);
      REQUIRE(right);
      CHECK((*left < *right) == (i < j));
      CHECK((*left == *right) == (i == j));
    }
  }
}

TEST_CASE("SemanticVersion: build metadata does not count [SemVer 10]") {
  CHECK(SemanticVersion::parse("10.0.0+abc") == SemanticVersion::parse("10.0.0"));
  CHECK(SemanticVersion::parse("10.0.0-rc.1+a-b") == SemanticVersion::parse("10.0.0-rc.1"));
}

TEST_CASE("SemanticVersion: what is not a version is refused [SemVer 2, 9]") {
  for (const char* text : {"",
                           "10",
                           "10.0",
                           "10.0.0.0",
                           "v10.0.0",
                           "10.0.",
                           ".0.0",
                           "10..0",
                           "10.0.x",
                           "01.0.0",
                           "10.00.0",
                           "10.0.0-",
                           "10.0.0-rc..1",
                           "10.0.0-rc.",
                           "10.0.0-.rc",
                           "10.0.0-rc.01",
                           "10.0.0-rc_1",
                           "10.0.0+",
                           "4294967296.0.0",
                           "-1.0.0",
                           " 10.0.0",
                           "10.0.0 "}) {
    CAPTURE(text);
    CHECK_FALSE(SemanticVersion::parse(text));
  }
}

TEST_CASE("SemanticVersion: to_string gives back what was parsed") {
  for (const char* text : {"10.0.12", "10.0.0-rc.1", "0.0.0-preview.7.25380.108"}) {
    CHECK(SemanticVersion::parse(text)->to_string() == text);
  }
}
