// What this process may use of its machine or container, and what it makes of that where nobody has decided:
// event loops, threads inside the application, the managed heap, and the kind of its collector. Decides only;
// main reads the files, the rooms apply it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "server/config/memory_limit.hpp"
#include "server/config/server_options.hpp"

namespace owind::config {

/// What there is.
struct Resources {
  std::size_t affinity = 1;         ///< CPUs that the scheduler lets this process run on.
  std::optional<double> cpu_quota;  ///< cgroup_cpu_quota()
  std::optional<MemoryLimit> memory;

  /// Of this process.
  static Resources of_process();
};

/// What the runtime was told already: its environment variables, then the runtimeconfig.json of the
/// application.
struct RuntimeSettings {
  /// The value of an environment variable, or nullptr.
  std::function<const char*(const char* name)> environment;
  /// "System.GC.Server" and the like.
  std::map<std::string, std::string> properties;
};

struct Capacity {
  /// At most middleware::Token::kMaxShards, however many CPUs there are.
  std::size_t shards = 1;
  /// As the runner takes it: at least runner::least_app_threads(shards).
  std::size_t max_app_threads = kMaxAppThreads;
  /// Properties for the runtime, where nobody else decided.
  std::map<std::string, std::string> properties;
  /// All of it with its origin, one line for the log.
  std::string description;
};

/// The smallest limit that the runtime, its compiler and owind start and serve under. Measured: samples/tour
/// answers 100,000 requests at 32 connections with it.
inline constexpr std::uint64_t kLeastMemoryBytes = 48 * 1024 * 1024;
/// What is left to everything but the managed heap: the runtime itself, compiled code, stacks, buffers.
inline constexpr std::uint64_t kNativeMemoryBytes = 64 * 1024 * 1024;
/// .NET's own "server-class machine": two processors and 1,792 MiB.
inline constexpr std::size_t kServerGcCpus = 2;
inline constexpr std::uint64_t kServerGcBytes = std::uint64_t{1792} * 1024 * 1024;

/// @throws io::StartupError when the memory is less than kLeastMemoryBytes.
Capacity plan_capacity(const ServerOptions& options, const Resources& resources,
                       const RuntimeSettings& runtime);

}  // namespace owind::config
