#include "hosting/prerequisites.hpp"

#include <doctest/doctest.h>

#include <set>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::fake_environment;
using testing::has;

namespace {

using Properties = std::map<std::string, std::string>;

LibraryProbe only(std::set<std::string> names) {
  return [names = std::move(names)](const std::string& name) { return names.count(name) != 0; };
}

std::string icu_error(std::map<std::string, std::string> variables, const Properties& properties,
                      const LibraryProbe& probe) {
  return testing::error_of(
      [&] { require_icu(fake_environment("/", std::move(variables)), properties, probe); });
}

}  // namespace

TEST_CASE("require_icu: any version that the runtime tries is enough, with both of its libraries") {
  for (const char* version : {"50", "72", "90", "74.1"}) {
    const std::string v = version;
    CHECK(icu_error({}, {}, only({"libicuuc.so." + v, "libicui18n.so." + v})) == "(no error)");
  }
  CHECK(has(icu_error({}, {}, only({"libicuuc.so.72"})), "libicu is missing"));
  CHECK(has(icu_error({}, {}, only({"libicuuc.so.72", "libicui18n.so.71"})), "libicu is missing"));
  CHECK(has(icu_error({}, {}, only({"libicuuc.so.49", "libicui18n.so.49"})), "libicu is missing"));
}

TEST_CASE("require_icu: without it the error names the package and the variable") {
  const std::string error = icu_error({}, {}, only({}));
  CHECK(has(error, "apt-get install libicu72"));
  CHECK(has(error, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1"));
  CHECK(has(error, "libicuuc.so.N"));
}

TEST_CASE("require_icu: not needed in invariant mode, by variable or property; the variable goes first") {
  const LibraryProbe nothing = only({});
  const char* variable = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT";
  const Properties invariant = {{"System.Globalization.Invariant", "true"}};
  CHECK(icu_error({{variable, "1"}}, {}, nothing) == "(no error)");
  CHECK(icu_error({{variable, "True"}}, {}, nothing) == "(no error)");
  CHECK(icu_error({}, invariant, nothing) == "(no error)");
  CHECK(icu_error({{variable, "nonsense"}}, invariant, nothing) == "(no error)");
  CHECK(has(icu_error({{variable, "0"}}, invariant, nothing), "libicu is missing"));
  CHECK(has(icu_error({{variable, "false"}}, invariant, nothing), "libicu is missing"));
  CHECK(has(icu_error({}, {{"System.Globalization.Invariant", "false"}}, nothing), "libicu is missing"));
}

TEST_CASE("require_icu: an application with an ICU of its own needs none from the system") {
  CHECK(icu_error({}, {{"System.Globalization.AppLocalIcu", "72.1"}}, only({})) == "(no error)");
  CHECK(icu_error({{"DOTNET_SYSTEM_GLOBALIZATION_APPLOCALICU", "72.1"}}, {}, only({})) == "(no error)");
}

TEST_CASE("require_icu: a version override is tried first and shown in the error") {
  for (const char* variable : {"DOTNET_ICU_VERSION_OVERRIDE", "CLR_ICU_VERSION_OVERRIDE"}) {
    CHECK(icu_error({{variable, "suse99"}}, {}, only({"libicuuc.so.suse99", "libicui18n.so.suse99"})) ==
          "(no error)");
    CHECK(icu_error({{variable, "99"}}, {}, only({"libicuuc.so.72", "libicui18n.so.72"})) == "(no error)");
    CHECK(has(icu_error({{variable, "99"}}, {}, only({})), "N = 99"));
  }
}

TEST_CASE("require_openssl: an error with the package, unless a usable version is there") {
  const auto error = [](std::map<std::string, std::string> variables, const LibraryProbe& probe) {
    return testing::error_of([&] { require_openssl(fake_environment("/", std::move(variables)), probe); });
  };
  CHECK(error({}, only({"libssl.so.3"})) == "(no error)");
  CHECK(error({}, only({"libssl.so.1.1"})) == "(no error)");
  CHECK(error({{"DOTNET_OPENSSL_VERSION_OVERRIDE", "48"}}, only({"libssl.so.48"})) == "(no error)");
  CHECK(error({{"CLR_OPENSSL_VERSION_OVERRIDE", "48"}}, only({"libssl.so.48"})) == "(no error)");
  const auto text = error({{"DOTNET_OPENSSL_VERSION_OVERRIDE", "48"}}, only({"libssl.so.2"}));
  CHECK(has(text, "apt-get install libssl3"));
  CHECK(has(text, "libssl.so.48 (from the environment)"));
}
