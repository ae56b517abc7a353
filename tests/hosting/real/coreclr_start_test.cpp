// The real hostfxr and the real runtime of this machine. An assembly of the framework itself stands in for
// application and bridge, so that nothing has to be compiled. One test: a process starts a runtime once.
#include <doctest/doctest.h>

#include "hosting/coreclr_runtime.hpp"
#include "hosting/framework_check.hpp"
#include "hosting/runtime_locator.hpp"
#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::has;
namespace fs = std::filesystem;

TEST_CASE("CoreclrRuntime: the real host refuses a missing framework with our text, then starts, once") {
  const testing::Folder folder;
  const RuntimeLocation location = find_runtime(Environment::of_process());
  const std::string newest = list_frameworks(location.root).at("Microsoft.NETCore.App").back().to_string();
  const fs::path framework = location.root / "shared/Microsoft.NETCore.App" / newest;
  RuntimeOptions options;
  options.application = folder.path() / "App.dll";
  options.bridge = folder.path() / "Bridge.dll";
  options.properties = {{"System.GC.Concurrent", "false"}};
  fs::copy_file(framework / "Microsoft.VisualBasic.dll", options.application);
  fs::copy_file(framework / "Microsoft.CSharp.dll", options.bridge);
  CoreclrRuntime runtime;

  const fs::path config =
      folder.write("App.runtimeconfig.json",
                   R"({"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"99.0.0"}}})");
  const std::string missing = testing::error_of([&] { runtime.start(options); });
  CHECK(has(missing, "FrameworkMissingFailure"));
  CHECK(has(missing, "wanted: Microsoft.NETCore.App 99.0.0 (rollForward Minor); installed: "));
  CHECK(has(missing, newest));
  CHECK(has(missing, "the .NET host says:"));

  folder.write("App.runtimeconfig.json",
               R"({"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"8.0.0"}}})");
  folder.write("App.deps.json", "{ broken");
  CHECK(has(testing::error_of([&] { runtime.start(options); }), "ResolverInitFailure"));
  fs::remove(folder.path() / "App.deps.json");
  fs::remove(config);

  // Without a configuration: as a class library.
  runtime.start(options);
  CHECK(has(runtime.description(), "CoreCLR " + newest));
  CHECK(has(testing::error_of(
                [&] { (void)runtime.load_entry(options.bridge, "No.Such.Type, Microsoft.CSharp", "M"); }),
            "COR_E_TYPELOAD"));
  CHECK(has(testing::error_of([&] { CoreclrRuntime().start(options); }), "already has a .NET runtime"));
}
