#include "server/config/data_protection_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>

using owind::config::data_protection_folder;

namespace {

std::string folder(const std::string& given, const std::map<std::string, std::string>& variables) {
  return data_protection_folder(given, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

}  // namespace

TEST_CASE("data_protection_folder: the option, else the state of the service, else the home of the user") {
  CHECK(folder("/keys", {{"STATE_DIRECTORY", "/var/lib/shop"}, {"HOME", "/home/ann"}}) == "/keys");
  CHECK(folder("", {{"STATE_DIRECTORY", "/var/lib/shop"}, {"HOME", "/home/ann"}}) == "/var/lib/shop/keys");
  CHECK(folder("", {{"STATE_DIRECTORY", "/var/lib/shop:/var/lib/more"}}) == "/var/lib/shop/keys");
  CHECK(folder("", {{"HOME", "/home/ann"}}) == "/home/ann/.local/share/owind/keys");
}

TEST_CASE("data_protection_folder: a relative one is below the folder in which the server was started") {
  const auto here = std::filesystem::current_path();
  CHECK(folder("keys", {}) == here / "keys");
  CHECK(folder("./a/../keys", {}) == here / "keys");
  CHECK(folder("../keys", {}) == here.parent_path() / "keys");
}

TEST_CASE("data_protection_folder: variables that are empty or relative name no folder") {
  CHECK(folder("", {}).empty());
  CHECK(folder("", {{"STATE_DIRECTORY", ""}, {"HOME", "home"}}).empty());
  CHECK(folder("", {{"STATE_DIRECTORY", "relative"}, {"HOME", "/root"}}) == "/root/.local/share/owind/keys");
}
