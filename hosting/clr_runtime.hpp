// A runtime for managed code inside this process. CoreCLR is the one that exists (coreclr_runtime.hpp); the
// interface keeps the place for another, such as Mono, and lets tests of the rooms above use a fake.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hosting/environment.hpp"
#include "hosting/prerequisites.hpp"

namespace owind::hosting {

struct RuntimeOptions {
  std::filesystem::path application;  ///< the user's assembly
  std::filesystem::path bridge;  ///< Owind.Bridge.dll; a .runtimeconfig.json beside it serves class libraries

  /// Runtime properties set before the start, such as {"System.GC.Server", "true"}. They go before the
  /// application's own configuration.
  std::map<std::string, std::string> properties;

  Environment environment = Environment::of_process();
  LibraryProbe library_probe;  ///< empty: the system's loader
};

class ClrRuntime {
 public:
  ClrRuntime() = default;
  ClrRuntime(const ClrRuntime&) = delete;
  ClrRuntime& operator=(const ClrRuntime&) = delete;
  virtual ~ClrRuntime() = default;

  /// Finds and starts the runtime, with the application and its dependencies in the default load context.
  /// Once a process: a runtime is never stopped, not by the destructor either. The runtime's threads inherit
  /// the caller's signal mask.
  /// @throws HostError.
  virtual void start(const RuntimeOptions& options) = 0;

  /// The address of a static method marked UnmanagedCallersOnly, in an assembly loaded into a context of its
  /// own. `type_name` is assembly-qualified. Valid until the process ends. After start only.
  /// @throws HostError.
  [[nodiscard]] virtual void* load_entry(const std::filesystem::path& assembly, const std::string& type_name,
                                         const std::string& method_name) = 0;

  /// For the log, after start: "CoreCLR 10.0.12 (/usr/share/dotnet, found by DOTNET_ROOT)".
  [[nodiscard]] virtual std::string description() const = 0;

  /// Things that did not prevent the start but that the user should know; one line each.
  [[nodiscard]] virtual const std::vector<std::string>& warnings() const = 0;
};

}  // namespace owind::hosting
