#include "server/config/capacity.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string_view>

#include "middleware/token.hpp"
#include "server/config/cpu_limit.hpp"
#include "server/io/startup_error.hpp"
#include "server/runner/options.hpp"

namespace owind::config {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
/// A limit that .NET refuses to go below.
constexpr std::uint64_t kLeastHeapBytes = 20 * kMiB;

std::string mib(std::uint64_t bytes) { return std::to_string(bytes / kMiB) + " MiB"; }

std::string counted(std::size_t number, std::string_view what) {
  return std::to_string(number) + " " + std::string(what) + (number == 1 ? "" : "s");
}

std::string quota_text(double quota) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", quota);
  return text;
}

std::string limit_text(const MemoryLimit& limit) { return limit.file + " " + mib(limit.bytes); }

/// Who decided on a setting of the runtime: the variable or the property that is set, or nothing.
std::string decided(const RuntimeSettings& runtime, std::span<const std::string_view> variables,
                    std::span<const std::string_view> properties) {
  for (const auto name : variables) {
    for (const char* const prefix : {"DOTNET_", "COMPlus_"}) {
      const std::string variable = prefix + std::string(name);
      const char* const value = runtime.environment ? runtime.environment(variable.c_str()) : nullptr;
      if (value && *value) return variable + "=" + value;
    }
  }
  for (const auto name : properties) {
    const auto found = runtime.properties.find(std::string(name));
    if (found != runtime.properties.end()) return found->first + "=" + found->second + " of the application";
  }
  return {};
}

std::string plan_shards(const ServerOptions& options, const Resources& resources, Capacity& capacity) {
  const std::size_t cpus = limit_cpus(resources.affinity, resources.cpu_quota);
  // More has no room in a token; and so many loops are not what a larger machine lacks.
  capacity.shards =
      std::min<std::size_t>(options.shards ? options.shards : cpus, middleware::Token::kMaxShards);
  std::string origin;
  if (options.shards) {
    origin = "--shards";
  } else if (resources.cpu_quota && *resources.cpu_quota < static_cast<double>(resources.affinity)) {
    origin = "CPU quota " + quota_text(*resources.cpu_quota);
  } else {
    origin = "CPUs of this process";
  }
  if (capacity.shards < cpus && !options.shards)
    origin += ": " + std::to_string(cpus) + ", of which no more are used";
  return counted(capacity.shards, "shard") + " (" + origin + ")";
}

/// After the shards, which need threads of their own.
std::string plan_threads(const ServerOptions& options, const Resources& resources, Capacity& capacity) {
  // Neither makes a thread besides one a shard.
  if (options.dispatch == Dispatch::kInline) return "no other application threads (--dispatch inline)";
  if (options.dispatch == Dispatch::kPool) return "application threads of .NET's pool (--dispatch pool)";
  std::string origin = "default";
  if (options.max_app_threads) {
    capacity.max_app_threads = *options.max_app_threads;
    origin = "--max-app-threads";
  } else if (resources.memory && resources.memory->bytes / kMiB < kMaxAppThreads) {
    // A thread that runs managed code takes some hundred KiB: one for each MiB leaves most of it to the rest.
    capacity.max_app_threads = static_cast<std::size_t>(resources.memory->bytes / kMiB);
    origin = "one for each MiB of " + limit_text(*resources.memory);
  }
  const std::size_t least = runner::least_app_threads(capacity.shards);
  if (capacity.max_app_threads < least) {
    origin += " would be " + std::to_string(capacity.max_app_threads) + ", " +
              counted(capacity.shards, "shard") + (capacity.shards == 1 ? " needs more" : " need more");
    capacity.max_app_threads = least;
  }
  return counted(capacity.max_app_threads, "application thread") + " (" + origin + ")";
}

std::string plan_heap(const Resources& resources, const RuntimeSettings& runtime, Capacity& capacity) {
  constexpr std::array<std::string_view, 2> kVariables{"GCHeapHardLimit", "GCHeapHardLimitPercent"};
  constexpr std::array<std::string_view, 2> kProperties{"System.GC.HeapHardLimit",
                                                        "System.GC.HeapHardLimitPercent"};
  if (const auto by = decided(runtime, kVariables, kProperties); !by.empty()) return "managed heap by " + by;
  if (!resources.memory) return "managed heap without a limit";
  const std::uint64_t limit = resources.memory->bytes;
  // Three quarters, as .NET itself takes in a container; less where that leaves too little for all the rest.
  std::uint64_t heap = limit / 4 * 3;
  if (limit < heap + kNativeMemoryBytes) heap = limit > kNativeMemoryBytes ? limit - kNativeMemoryBytes : 0;
  heap = std::max(heap, kLeastHeapBytes);
  capacity.properties.emplace("System.GC.HeapHardLimit", std::to_string(heap));
  return "managed heap up to " + mib(heap) + " (of " + limit_text(*resources.memory) + ")";
}

std::string plan_collector(const Resources& resources, const RuntimeSettings& runtime, Capacity& capacity) {
  constexpr std::array<std::string_view, 1> kVariables{"gcServer"};
  constexpr std::array<std::string_view, 1> kProperties{"System.GC.Server"};
  if (const auto by = decided(runtime, kVariables, kProperties); !by.empty()) return "collector by " + by;
  if (!resources.memory) return "workstation collector (default)";
  const std::size_t cpus = limit_cpus(resources.affinity, resources.cpu_quota);
  const bool server = cpus >= kServerGcCpus && resources.memory->bytes >= kServerGcBytes;
  capacity.properties.emplace("System.GC.Server", server ? "true" : "false");
  return std::string(server ? "server" : "workstation") + " collector (" + counted(cpus, "CPU") + ", " +
         mib(resources.memory->bytes) + ")";
}

}  // namespace

Resources Resources::of_process() {
  return {
      .affinity = affinity_cpus(), .cpu_quota = cgroup_cpu_quota("/"), .memory = cgroup_memory_limit("/")};
}

Capacity plan_capacity(const ServerOptions& options, const Resources& resources,
                       const RuntimeSettings& runtime) {
  if (resources.memory && resources.memory->bytes < kLeastMemoryBytes)
    throw io::StartupError(
        "the memory of this container is too small for .NET: " + limit_text(*resources.memory),
        "Give it " + mib(kLeastMemoryBytes) +
            " or more: docker run --memory, mem_limit in a compose file, resources.limits.memory "
            "in Kubernetes, MemoryMax= in systemd.");
  Capacity capacity;
  // One after the other: the threads follow the shards.
  std::string& text = capacity.description;
  text = plan_shards(options, resources, capacity);
  text += ", " + plan_threads(options, resources, capacity);
  text += ", " + plan_heap(resources, runtime, capacity);
  text += ", " + plan_collector(resources, runtime, capacity);
  return capacity;
}

}  // namespace owind::config
