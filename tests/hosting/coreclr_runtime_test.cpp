// CoreclrRuntime against a hostfxr that records its calls (fake_hostfxr.cpp): order, arguments, errors, and
// that the context is closed on every path. The real one is started by real/coreclr_start_test.cpp.
#include "hosting/coreclr_runtime.hpp"

#include <doctest/doctest.h>

#include "hosting/shared_library.hpp"
#include "tests/hosting/fake_hostfxr.hpp"
#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::FakeHostfxr;
using testing::Folder;
using testing::has;
namespace fs = std::filesystem;

namespace {

// An installation with the fake host, an application and a bridge; a fresh control panel and a slot of its
// own.
struct Fixture {
  Fixture()
      : host(*SharedLibrary::open(OWIND_FAKE_HOSTFXR).symbol<decltype(&fake_hostfxr)>("fake_hostfxr")()) {
    host = FakeHostfxr();
    folder.make("net/host/fxr/10.0.12");
    fs::create_symlink(OWIND_FAKE_HOSTFXR, folder.path() / "net/host/fxr/10.0.12/libhostfxr.so");
    folder.make("net/shared/Microsoft.NETCore.App/10.0.12");
    app = folder.write("app/App.dll", testing::minimal_assembly());
    bridge = folder.write("bridge/Owind.Bridge.dll", testing::minimal_assembly());
    folder.make("tmp");
    options.application = app;
    options.bridge = bridge;
    options.library_probe = [](const std::string&) { return true; };
    set_variables({});
  }

  void set_variables(std::map<std::string, std::string> variables) {
    variables.insert({{"DOTNET_ROOT", folder.path() / "net"}, {"TMPDIR", folder.path() / "tmp"}});
    options.environment = testing::fake_environment(folder.path(), std::move(variables));
  }
  void configure(const std::string& version, const std::string& more = "") const {
    folder.write("app/App.runtimeconfig.json",
                 R"({"runtimeOptions":{)" + more +
                     R"("framework":{"name":"Microsoft.NETCore.App","version":")" + version + "\"}}}");
  }
  std::string start_error() {
    return testing::error_of([&] { runtime.start(options); });
  }

  Folder folder;
  FakeHostfxr& host;
  fs::path app;
  fs::path bridge;
  RuntimeOptions options;
  RuntimeSlot slot;
  CoreclrRuntime runtime{slot};
};

constexpr std::int32_t code(std::uint32_t number) { return static_cast<std::int32_t>(number); }
using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "CoreclrRuntime: initialises, sets properties, gets the delegate, closes, in this order") {
  configure("10.0.0");
  options.properties = {{"System.GC.Server", "true"}, {"System.GC.Concurrent", "false"}};
  runtime.start(options);
  CHECK(host.calls == Strings{"initialize", "set System.GC.Concurrent=false", "set System.GC.Server=true",
                              "delegate 5", "close"});
  CHECK(host.arguments == Strings{app.string()});
  CHECK(host.dotnet_root == (folder.path() / "net").string());
  CHECK(host.open_contexts == 0);
  CHECK_FALSE(host.writer_is_set);
  CHECK(runtime.warnings().empty());
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: loads an entry into a context of its own, by absolute path") {
  configure("10.0.0");
  runtime.start(options);
  host.calls.clear();
  CHECK(runtime.load_entry(fs::relative(bridge), "Owind.Bootstrap, Owind.Bridge", "Initialize") != nullptr);
  CHECK(host.calls == Strings{"load " + bridge.string() +
                              " | Owind.Bootstrap, Owind.Bridge | Initialize | unmanaged callers only"});
}

TEST_CASE_FIXTURE(
    Fixture, "CoreclrRuntime: a class library runs with a configuration that lives only during the start") {
  runtime.start(options);
  REQUIRE(host.arguments.size() == 6);
  CHECK(host.arguments[0] == "exec");
  CHECK(host.arguments[1] == "--runtimeconfig");
  CHECK(fs::path(host.arguments[2]).parent_path() == folder.path() / "tmp");
  CHECK(host.arguments[3] == "--roll-forward");
  CHECK(host.arguments[4] == "LatestMajor");
  CHECK(host.arguments[5] == app.string());
  CHECK(has(host.config_text, "\"Microsoft.NETCore.App\""));
  CHECK(has(host.config_text, "\"10.0.0\""));
  CHECK(fs::is_empty(folder.path() / "tmp"));
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: the temporary configuration also goes when the start fails") {
  host.initialize_result = code(0x80008083);
  CHECK(has(start_error(), "CoreHostLibMissingFailure"));
  CHECK(fs::is_empty(folder.path() / "tmp"));
}

TEST_CASE_FIXTURE(
    Fixture,
    "CoreclrRuntime: a class library uses the bridge's configuration and writes nothing when there is one") {
  const fs::path shipped =
      folder.write("bridge/Owind.Bridge.runtimeconfig.json",
                   R"({"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}})");
  fs::remove(folder.path() / "tmp");
  runtime.start(options);
  CHECK(host.arguments ==
        Strings{"exec", "--runtimeconfig", shipped.string(), "--roll-forward", "LatestMajor", app.string()});
}

TEST_CASE_FIXTURE(
    Fixture,
    "CoreclrRuntime: an application for an older .NET is rolled forward to the bridge's, with a warning") {
  configure("8.0.0");
  runtime.start(options);
  CHECK(host.arguments == Strings{"exec", "--roll-forward", "LatestMajor", app.string()});
  REQUIRE(runtime.warnings().size() == 1);
  CHECK(has(runtime.warnings()[0], "App.dll asks for Microsoft.NETCore.App 8.0.0"));
}

TEST_CASE_FIXTURE(Fixture,
                  "CoreclrRuntime: a self-contained application is refused before the host is touched") {
  folder.write("app/App.runtimeconfig.json",
               R"({"runtimeOptions":{"includedFrameworks":[{"name":"X","version":"1.0.0"}]}})");
  const std::string error = start_error();
  CHECK(has(error, "is self-contained"));
  CHECK(has(error, "--self-contained false"));
  CHECK(host.calls.empty());
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a setting that names no existing place is a warning") {
  configure("10.0.0");
  set_variables({{"DOTNET_ROOT_X64", "/gone"}});
  runtime.start(options);
  REQUIRE(runtime.warnings().size() == 1);
  CHECK(runtime.warnings()[0] == "DOTNET_ROOT_X64 names /gone, which does not exist: ignored");
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a configuration without a framework is refused") {
  folder.write("app/App.runtimeconfig.json", R"({"runtimeOptions":{}})");
  CHECK(has(start_error(), "names no framework"));
}

TEST_CASE_FIXTURE(
    Fixture,
    "CoreclrRuntime: a missing framework is shown as wanted against installed, with the host's text") {
  configure("10.7.0");
  host.initialize_result = code(0x80008096);
  host.gives_handle_on_failure = true;
  host.message = "You must install or update .NET\nto run this application.";
  const std::string error = start_error();
  CHECK(has(error, "no installed .NET framework satisfies the application"));
  CHECK(has(error, "0x80008096 FrameworkMissingFailure"));
  CHECK(has(
      error,
      "wanted: Microsoft.NETCore.App 10.7.0 (rollForward Minor); installed: 10.0.12, none of which fits"));
  CHECK(has(error, "configuration: " + (folder.path() / "app/App.runtimeconfig.json").string()));
  CHECK(has(error, "(found by DOTNET_ROOT), host 10.0.12"));
  CHECK(has(error, "the .NET host says:\n  You must install or update .NET\n  to run this application."));
  CHECK(host.calls == Strings{"initialize", "close"});
  CHECK(host.open_contexts == 0);
  CHECK_FALSE(host.writer_is_set);
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: DOTNET_ROLL_FORWARD goes before the file in the explanation") {
  configure("10.0.0", R"("rollForward":"Major",)");
  set_variables({{"DOTNET_ROLL_FORWARD", "Disable"}});
  host.initialize_result = code(0x80008096);
  CHECK(has(start_error(), "(rollForward Disable); installed: 10.0.12, none of which fits"));
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: no handle means no close") {
  configure("10.0.0");
  host.initialize_result = code(0x80008093);
  CHECK(has(start_error(), "InvalidConfigFile"));
  CHECK(host.calls == Strings{"initialize"});
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a refused property names it, and the context is closed") {
  configure("10.0.0");
  options.properties = {{"System.GC.Server", "true"}};
  host.set_property_result = code(0x800080a3);
  host.message = "no";
  CHECK(has(start_error(), "the runtime property System.GC.Server could not be set to \"true\""));
  CHECK(host.calls == Strings{"initialize", "set System.GC.Server=true", "close"});
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a failed runtime start closes the context and keeps the slot") {
  configure("10.0.0");
  host.get_delegate_result = code(0x80008089);
  CHECK(has(start_error(), "the .NET runtime could not be started"));
  CHECK(host.calls == Strings{"initialize", "delegate 5", "close"});
  host = FakeHostfxr();
  CHECK(has(start_error(), "this process already has a .NET runtime"));
  CHECK(host.calls.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "CoreclrRuntime: after a failure before the runtime began another start may work") {
  configure("10.0.0");
  host.initialize_result = code(0x80008096);
  CHECK(has(start_error(), "FrameworkMissingFailure"));
  host.initialize_result = 0;
  CHECK(start_error() == "(no error)");
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a second runtime in a process is refused") {
  configure("10.0.0");
  runtime.start(options);
  CoreclrRuntime second(slot);
  CHECK(has(testing::error_of([&] { second.start(options); }), "this process already has a .NET runtime"));
  CHECK(has(start_error(), "this process already has a .NET runtime"));
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a runtime that somebody else initialised is refused and closed") {
  configure("10.0.0");
  for (const std::int32_t result : {1, 2}) {
    host = FakeHostfxr();
    host.initialize_result = result;
    CHECK(has(start_error(), "this process already has a .NET runtime"));
    CHECK(host.calls == Strings{"initialize", "close"});
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "CoreclrRuntime: libicu and libssl are checked before the host is touched") {
  configure("10.0.0");
  options.library_probe = [](const std::string&) { return false; };
  CHECK(has(start_error(), "libicu is missing"));
  CHECK(host.calls.empty());

  configure("10.0.0", R"("configProperties":{"System.Globalization.Invariant":true},)");
  CHECK(has(start_error(), "libssl is missing"));
  CHECK(host.calls.empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "CoreclrRuntime: a missing application or .NET is reported without touching the host") {
  options.application = folder.path() / "None.dll";
  CHECK(has(start_error(), "does not exist"));
  options.application = app;
  options.environment = testing::fake_environment(folder.path(), {{"TMPDIR", folder.path() / "tmp"}});
  CHECK(has(start_error(), "no .NET runtime was found"));
  CHECK(host.calls.empty());
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: a host that cannot be loaded or lacks a function is an error") {
  fs::remove_all(folder.path() / "net/host/fxr/10.0.12");
  folder.write("net/host/fxr/10.0.12/libhostfxr.so", "no library at all, but long enough to be looked at");
  CHECK(has(start_error(), "could not be loaded"));
  fs::remove_all(folder.path() / "net/host/fxr/10.0.12");
  folder.make("net/host/fxr/10.0.12");
  for (const char* libc :
       {"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"}) {
    if (!fs::exists(libc)) continue;
    fs::create_symlink(libc, folder.path() / "net/host/fxr/10.0.12/libhostfxr.so");
    break;
  }
  CHECK(has(start_error(), "lacks the function hostfxr_"));
}

TEST_CASE_FIXTURE(Fixture,
                  "CoreclrRuntime: a bridge that is missing or does not load is an error with its code") {
  configure("10.0.0");
  CHECK(has(testing::error_of([&] { (void)runtime.load_entry(bridge, "T", "M"); }),
            "before the runtime was started"));
  runtime.start(options);
  CHECK(has(testing::error_of([&] { (void)runtime.load_entry(folder.path() / "no.dll", "T", "M"); }),
            "missing or damaged"));
  host.load_result = code(0x80131522);
  const std::string error = testing::error_of([&] { (void)runtime.load_entry(bridge, "T, A", "M"); });
  CHECK(has(error, "T, A, method M"));
  CHECK(has(error, "0x80131522 COR_E_TYPELOAD"));
}

TEST_CASE_FIXTURE(Fixture, "CoreclrRuntime: the description names the framework's version, else the host's") {
  configure("10.0.0");
  host.deps_files = "/a/App.deps.json;/n/shared/Microsoft.NETCore.App/10.0.3/Microsoft.NETCore.App.deps.json";
  runtime.start(options);
  CHECK(runtime.description() ==
        "CoreCLR 10.0.3 (" + (folder.path() / "net").string() + ", found by DOTNET_ROOT)");
  RuntimeSlot other;
  CoreclrRuntime second(other);
  host.deps_files = "";
  second.start(options);
  CHECK(has(second.description(), "CoreCLR 10.0.12 "));
}
