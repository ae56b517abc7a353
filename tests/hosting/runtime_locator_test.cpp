#include "hosting/runtime_locator.hpp"

#include <doctest/doctest.h>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::fake_environment;
using testing::Folder;
using testing::has;
namespace fs = std::filesystem;

namespace {

void install(const Folder& folder, const std::string& root, const std::string& version = "10.0.12") {
  folder.write(root + "/host/fxr/" + version + "/libhostfxr.so");
}

std::string root_found(const Folder& folder, std::map<std::string, std::string> variables) {
  return find_runtime(fake_environment(folder.path(), std::move(variables)))
      .root.lexically_relative(folder.path());
}

}  // namespace

TEST_CASE("find_runtime: the places are tried in the order of nethost, then PATH") {
  // Each line is looked at before the next; one after the other is taken away from the front.
  Folder folder;
  for (const char* root : {"arch", "root", "etc-arch", "etc", "usr/share/dotnet", "usr/lib/dotnet",
                           "usr/lib64/dotnet", "path"}) {
    install(folder, root);
  }
  folder.write("etc/dotnet/install_location_x64", (folder.path() / "etc-arch").string() + "\n");
  folder.write("etc/dotnet/install_location", (folder.path() / "etc").string() + "\n");
  fs::permissions(folder.write("path/dotnet"), fs::perms::owner_all);
  std::map<std::string, std::string> variables = {
      {"DOTNET_ROOT_X64", folder.path() / "arch"},
      {"DOTNET_ROOT", folder.path() / "root"},
      {"PATH", "/nowhere::relative:" + (folder.path() / "path").string()}};
  install(folder, "etc");

  CHECK(root_found(folder, variables) == "arch");
  variables.erase("DOTNET_ROOT_X64");
  CHECK(root_found(folder, variables) == "root");
  variables.erase("DOTNET_ROOT");
  CHECK(root_found(folder, variables) == "etc-arch");
  fs::remove(folder.path() / "etc/dotnet/install_location_x64");
  CHECK(root_found(folder, variables) == "etc");
  fs::remove(folder.path() / "etc/dotnet/install_location");
  CHECK(root_found(folder, variables) == "usr/share/dotnet");
  fs::remove_all(folder.path() / "usr/share");
  CHECK(root_found(folder, variables) == "usr/lib/dotnet");
  fs::remove_all(folder.path() / "usr/lib");
  CHECK(root_found(folder, variables) == "usr/lib64/dotnet");
  fs::remove_all(folder.path() / "usr/lib64");
  CHECK(root_found(folder, variables) == "path");
}

TEST_CASE("find_runtime: the newest version wins, pre-releases below their release, other folders ignored") {
  Folder folder;
  for (const char* version : {"9.0.12", "10.0.0-rc.1", "10.0.2", "10.0.12", "latest", "10.0"})
    install(folder, "r", version);
  folder.make("r/host/fxr/11.0.0");  // left behind by an upgrade: no library in it
  const auto found = find_runtime(fake_environment(folder.path(), {{"DOTNET_ROOT", folder.path() / "r"}}));
  CHECK(found.version.to_string() == "10.0.12");
  CHECK(found.hostfxr == folder.path() / "r/host/fxr/10.0.12/libhostfxr.so");
  CHECK(found.found_by == "DOTNET_ROOT");

  Folder early;
  install(early, "r", "10.0.0-rc.1");
  install(early, "r", "9.0.12");
  CHECK(find_runtime(fake_environment(early.path(), {{"DOTNET_ROOT", early.path() / "r"}}))
            .version.to_string() == "10.0.0-rc.1");
}

TEST_CASE("find_runtime: dotnet on PATH is followed through links") {
  Folder folder;
  install(folder, "opt/net");
  fs::permissions(folder.write("opt/net/dotnet"), fs::perms::owner_all);
  folder.make("bin");
  folder.make("bin2");
  fs::create_symlink("../opt/net/dotnet", folder.path() / "bin/dotnet");
  fs::create_symlink("../bin/dotnet", folder.path() / "bin2/dotnet");
  CHECK(root_found(folder, {{"PATH", folder.path() / "bin2"}}) == "opt/net");
}

TEST_CASE("find_runtime: a dotnet on PATH that is not executable or leads nowhere is passed over") {
  Folder folder;
  install(folder, "good");
  fs::permissions(folder.write("good/dotnet"), fs::perms::owner_all);
  install(folder, "plain");
  fs::permissions(folder.write("plain/dotnet"), fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(folder.write("script/dotnet"), fs::perms::owner_all);
  folder.make("dir/dotnet");
  const std::string base = folder.path().string();
  CHECK(root_found(folder, {{"PATH", base + "/plain:" + base + "/script:" + base + "/dir:" + base +
                                         "/good"}}) == "good");
}

TEST_CASE("find_runtime: a named place that exists without a host is an error, and no other is tried") {
  Folder folder;
  folder.make("empty");
  install(folder, "usr/share/dotnet");
  const fs::path empty = folder.path() / "empty";
  const auto error = [&](std::map<std::string, std::string> variables) {
    return testing::error_of(
        [&] { (void)find_runtime(fake_environment(folder.path(), std::move(variables))); });
  };
  const std::string by_variable = error({{"DOTNET_ROOT", empty}});
  CHECK(has(by_variable, "DOTNET_ROOT names " + empty.string()));
  CHECK(has(by_variable, "host/fxr/<version>/libhostfxr.so"));
  CHECK(has(by_variable, "To do: "));
  CHECK(has(error({{"DOTNET_ROOT_X64", empty}, {"DOTNET_ROOT", folder.path() / "usr/share/dotnet"}}),
            "DOTNET_ROOT_X64 names"));

  folder.write("etc/dotnet/install_location", empty.string());
  CHECK(has(error({}), "install_location names " + empty.string()));
}

TEST_CASE("find_runtime: a named place that does not exist is noted and the search goes on") {
  Folder folder;
  install(folder, "usr/share/dotnet");
  folder.write("etc/dotnet/install_location", "\n/second/line/does/not/count\n");
  folder.write("etc/dotnet/install_location_x64", "/not/there\r\n");
  const auto found =
      find_runtime(fake_environment(folder.path(), {{"DOTNET_ROOT", "/gone"}, {"DOTNET_ROOT_X64", ""}}));
  CHECK(found.found_by == "the default folder");
  REQUIRE(found.ignored_settings.size() == 2);
  CHECK(found.ignored_settings[0] == "DOTNET_ROOT names /gone, which does not exist: ignored");
  REQUIRE(found.looked_at.size() == 4);
  CHECK(found.looked_at[0] == "DOTNET_ROOT_X64: not set");
  CHECK(found.looked_at[1] == "DOTNET_ROOT: /gone does not exist");
  CHECK(has(found.looked_at[2], "install_location_x64: /not/there does not exist"));
  CHECK(has(found.looked_at[3], "install_location: its first line is empty"));
}

TEST_CASE("find_runtime: white space around the first line of install_location does not count") {
  Folder folder;
  install(folder, "my net");
  folder.write("etc/dotnet/install_location", "  " + (folder.path() / "my net").string() + " \t\r\nmore");
  CHECK(root_found(folder, {}) == "my net");
}

TEST_CASE("find_runtime: the error lists every place and says what to install or set") {
  Folder folder;
  folder.make("usr/lib/dotnet");
  const std::string error = testing::error_of([&] {
    (void)find_runtime(fake_environment(folder.path(), {{"DOTNET_ROOT", "/gone"}}));
  });
  for (const char* part :
       {"no .NET runtime was found", "DOTNET_ROOT_X64: not set", "DOTNET_ROOT: /gone does not exist",
        "/etc/dotnet/install_location_x64: no such file", "/etc/dotnet/install_location: no such file",
        "/usr/share/dotnet: no such folder", "/usr/lib/dotnet: has no host/fxr",
        "/usr/lib64/dotnet: no such folder", "PATH: no dotnet", "install the .NET 10 runtime",
        "set DOTNET_ROOT"}) {
    CAPTURE(part);
    CHECK(has(error, part));
  }
}

TEST_CASE("find_runtime: an architecture without a .NET name has only the general settings") {
  Folder folder;
  install(folder, "r");
  Environment environment =
      fake_environment(folder.path(), {{"DOTNET_ROOT_", "/x"}, {"DOTNET_ROOT", folder.path() / "r"}});
  environment.architecture = "";
  CHECK(find_runtime(environment).looked_at.empty());
}

TEST_CASE("Environment: the process's own knows its architecture and counts empty variables as not set") {
  const Environment own = Environment::of_process();
  CHECK(own.file_system_root == "/");
  CHECK_FALSE(own.architecture.empty());
  CHECK_FALSE(own.value("OWIND_SURELY_NOT_SET"));
  CHECK_FALSE(fake_environment("/", {{"A", ""}}).value("A"));
  CHECK_FALSE(Environment{}.value("A"));
}
