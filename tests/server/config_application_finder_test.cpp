#include "server/config/application_finder.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "tests/server/message_of.hpp"
#include "tests/server/temporary_folder.hpp"

using owind::config::find_application;
using owind::test::contains;
using owind::test::message_of;
using owind::test::TemporaryFolder;

namespace {

std::string refusal(const std::filesystem::path& folder) {
  return message_of<std::invalid_argument>([&] { find_application(folder); });
}

}  // namespace

TEST_CASE("application finder: the only program of a folder is found beside its libraries") {
  const TemporaryFolder folder;
  folder.write("Shop.dll", "");
  folder.write("Shop.runtimeconfig.json", "{}");
  folder.write("Shop.runtimeconfig.dev.json", "{}");
  folder.write("Library.dll", "");
  CHECK(find_application(folder.path()) == folder.path() / "Shop.dll");
}

TEST_CASE("application finder: none and several are told apart") {
  const TemporaryFolder folder;
  CHECK(contains(refusal(folder.path()), "there is no application in the folder " + folder.path().string()));
  folder.write("A.runtimeconfig.json", "{}");
  folder.write(".runtimeconfig.json", "{}");
  CHECK(contains(refusal(folder.path()), "there is no application"));
  folder.write("A.dll", "");
  folder.write("B.dll", "");
  folder.write("B.runtimeconfig.json", "{}");
  CHECK(contains(refusal(folder.path()), "more than one application in the folder"));
  CHECK(contains(refusal(folder.path()), "A.dll, B.dll"));
}

TEST_CASE("application finder: a folder that cannot be read is told with the reason") {
  CHECK(contains(refusal("/no-such-folder"), "No such file or directory"));
}
