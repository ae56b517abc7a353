#include "server/config/capacity.hpp"

#include <doctest/doctest.h>

#include "middleware/token.hpp"
#include "server/io/startup_error.hpp"
#include "tests/server/message_of.hpp"
#include "tests/server/temporary_folder.hpp"

using namespace owind;
using namespace owind::config;
using test::contains;
using test::message_of;
using test::TemporaryFolder;

namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

MemoryLimit mib(std::uint64_t number) { return {number * kMiB, "memory.max"}; }

std::string property(const Capacity& capacity, const char* name) {
  const auto found = capacity.properties.find(name);
  return found == capacity.properties.end() ? "" : found->second;
}
std::uint64_t heap_mib(const Capacity& capacity) {
  return std::stoull(property(capacity, "System.GC.HeapHardLimit")) / kMiB;
}

}  // namespace

TEST_CASE("memory limit: a machine without control groups has none") {
  const TemporaryFolder root;
  CHECK_FALSE(cgroup_memory_limit(root.path()).has_value());
}

TEST_CASE("memory limit: version 2 takes the smallest memory.max of the group and those above it") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  root.write("proc/self/cgroup", "0::/kubepods/pod7/owind\n");
  root.write("sys/fs/cgroup/memory.max", "max\n");
  root.write("sys/fs/cgroup/kubepods/memory.max", "8589934592\n");
  root.write("sys/fs/cgroup/kubepods/pod7/memory.max", "201326592\n");
  root.write("sys/fs/cgroup/kubepods/pod7/owind/memory.max", "max\n");
  root.write("proc/meminfo", "MemTotal:       24683380 kB\nMemFree: 1 kB\n");
  const auto limit = cgroup_memory_limit(root.path());
  REQUIRE(limit);
  CHECK(limit->bytes == 192 * kMiB);
  CHECK(limit->file == "memory.max");
}

TEST_CASE(
    "memory limit: version 1 reads memory.limit_in_bytes of the memory controller, at the mount in a "
    "container") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo",
             "31 23 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
             "32 23 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  root.write("proc/self/cgroup", "5:cpu:/docker/abc\n4:memory:/docker/abc\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
  const auto limit = cgroup_memory_limit(root.path());
  REQUIRE(limit);
  CHECK(limit->bytes == 256 * kMiB);
  CHECK(limit->file == "memory.limit_in_bytes");
}

TEST_CASE("memory limit: both versions at once, the smaller one counts") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo",
             "31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
             "32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  root.write("proc/self/cgroup", "4:memory:/a\n0::/b\n");
  root.write("sys/fs/cgroup/unified/b/memory.max", "536870912\n");
  root.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "134217728\n");
  CHECK(cgroup_memory_limit(root.path())->bytes == 128 * kMiB);
}

TEST_CASE("memory limit: what version 1 writes for none, and more than the machine has, is none") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", "32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  root.write("proc/self/cgroup", "4:memory:/\n");
  root.write("proc/meminfo", "MemTotal:       1048576 kB\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK_FALSE(cgroup_memory_limit(root.path()).has_value());
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  CHECK_FALSE(cgroup_memory_limit(root.path()).has_value());
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741823\n");
  CHECK(cgroup_memory_limit(root.path()).has_value());
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "what\n");
  CHECK_FALSE(cgroup_memory_limit(root.path()).has_value());
}

TEST_CASE("capacity: without limits the machine's CPUs decide, and the runtime keeps its own mind") {
  const Capacity capacity = plan_capacity({}, {.affinity = 6, .cpu_quota = {}, .memory = {}}, {});
  CHECK(capacity.shards == 6);
  CHECK(capacity.max_app_threads == 512);
  CHECK(capacity.properties.empty());
  CHECK(capacity.description ==
        "6 shards (CPUs of this process), 512 application threads (default), managed heap without a limit, "
        "workstation "
        "collector (default)");
}

TEST_CASE("capacity: a quota of CPUs decides where it is the smaller one, rounded up") {
  const Capacity capacity = plan_capacity({}, {.affinity = 6, .cpu_quota = 1.5, .memory = {}}, {});
  CHECK(capacity.shards == 2);
  CHECK(contains(capacity.description, "2 shards (CPU quota 1.5)"));
  CHECK(plan_capacity({}, {.affinity = 2, .cpu_quota = 4, .memory = {}}, {}).shards == 2);
  CHECK(plan_capacity({}, {.affinity = 2, .cpu_quota = 0.1, .memory = {}}, {}).shards == 1);
}

TEST_CASE("capacity: no machine gets more shards than a token can name") {
  const auto plan = [](std::size_t cpus) {
    return plan_capacity({}, {.affinity = cpus, .cpu_quota = {}, .memory = {}}, {});
  };
  const std::size_t most = middleware::Token::kMaxShards;
  CHECK(plan(most - 1).shards == most - 1);
  CHECK(plan(most).shards == most);
  CHECK(contains(plan(most).description, "256 shards (CPUs of this process), "));
  CHECK(plan(most + 1).shards == most);
  CHECK(contains(plan(most + 1).description,
                 "256 shards (CPUs of this process: 257, of which no more are used), "));
  CHECK(contains(plan_capacity({}, {.affinity = 1024, .cpu_quota = 299.5, .memory = {}}, {}).description,
                 "256 shards (CPU quota 299.5: 300, of which no more are used), "));
}

TEST_CASE("capacity: every shard has a leader and a successor, and one call may stall, whatever was said") {
  const auto plan = [](std::size_t shards, std::optional<std::size_t> threads, std::uint64_t memory) {
    ServerOptions options;
    options.shards = shards;
    options.max_app_threads = threads;
    return plan_capacity(options, {.affinity = 2, .cpu_quota = {}, .memory = mib(memory)}, {});
  };
  CHECK(plan(3, 6, 1024).max_app_threads == 7);
  CHECK(plan(3, 7, 1024).max_app_threads == 7);
  CHECK(plan(3, 8, 1024).max_app_threads == 8);
  CHECK(contains(plan(3, 6, 1024).description,
                 "7 application threads (--max-app-threads would be 6, 3 shards need more)"));
  CHECK(contains(plan(1, 2, 1024).description,
                 "3 application threads (--max-app-threads would be 2, 1 shard needs more)"));
  CHECK(plan(32, {}, 64).max_app_threads == 65);
  CHECK(contains(
      plan(32, {}, 64).description,
      "65 application threads (one for each MiB of memory.max 64 MiB would be 64, 32 shards need more)"));
  // The default does not reach that far either.
  CHECK(plan(256, {}, 4096).max_app_threads == 513);
}

TEST_CASE("capacity: threads are counted where calls can hold them, which is with --dispatch steal only") {
  const auto description = [](Dispatch dispatch) {
    ServerOptions options;
    options.dispatch = dispatch;
    options.max_app_threads = 7;
    return plan_capacity(options, {.affinity = 2, .cpu_quota = {}, .memory = {}}, {}).description;
  };
  CHECK(contains(description(Dispatch::kSteal), ", 7 application threads (--max-app-threads), "));
  CHECK(contains(description(Dispatch::kInline), ", no other application threads (--dispatch inline), "));
  CHECK(contains(description(Dispatch::kPool), ", application threads of .NET's pool (--dispatch pool), "));
}

TEST_CASE(
    "capacity: the heap gets three quarters, and leaves 64 MiB to the rest, but never less than .NET takes") {
  const auto heap = [](std::uint64_t limit) {
    return heap_mib(plan_capacity({}, {.affinity = 2, .cpu_quota = {}, .memory = mib(limit)}, {}));
  };
  CHECK(heap(1024) == 768);
  CHECK(heap(512) == 384);
  CHECK(heap(256) == 192);
  CHECK(heap(192) == 128);
  CHECK(heap(160) == 96);
  CHECK(heap(84) == 20);
  CHECK(heap(48) == 20);
}

TEST_CASE("capacity: threads inside the application follow the memory") {
  const auto threads = [](std::uint64_t limit) {
    return plan_capacity({}, {.affinity = 2, .cpu_quota = {}, .memory = mib(limit)}, {}).max_app_threads;
  };
  CHECK(threads(192) == 192);
  CHECK(threads(511) == 511);
  CHECK(threads(512) == 512);
  CHECK(threads(4096) == 512);
}

TEST_CASE("capacity: the server collector wants two CPUs and 1,792 MiB, as .NET has it") {
  const auto collector = [](std::size_t cpus, std::uint64_t limit) {
    return property(plan_capacity({}, {.affinity = cpus, .cpu_quota = {}, .memory = mib(limit)}, {}),
                    "System.GC.Server");
  };
  CHECK(collector(2, 1792) == "true");
  CHECK(collector(2, 1791) == "false");
  CHECK(collector(1, 4096) == "false");
}

TEST_CASE("capacity: what was said goes before what is found, and is named") {
  ServerOptions options;
  options.shards = 3;
  options.max_app_threads = 7;
  RuntimeSettings runtime;
  runtime.properties = {{"System.GC.Server", "true"}};
  runtime.environment = [](const char* name) -> const char* {
    return std::string_view(name) == "DOTNET_GCHeapHardLimitPercent" ? "50" : nullptr;
  };
  const Capacity capacity =
      plan_capacity(options, {.affinity = 6, .cpu_quota = 1, .memory = mib(192)}, runtime);
  CHECK(capacity.shards == 3);
  CHECK(capacity.max_app_threads == 7);
  CHECK(capacity.properties.empty());
  CHECK(capacity.description ==
        "3 shards (--shards), 7 application threads (--max-app-threads), managed heap by "
        "DOTNET_GCHeapHardLimitPercent=50, collector by System.GC.Server=true of the application");
}

TEST_CASE("capacity: each decision names the limit that it comes from") {
  const Capacity capacity = plan_capacity({}, {.affinity = 2, .cpu_quota = 1, .memory = mib(192)}, {});
  CHECK(capacity.description ==
        "1 shard (CPU quota 1), 192 application threads (one for each MiB of memory.max 192 MiB), managed "
        "heap up to 128 MiB "
        "(of memory.max 192 MiB), workstation collector (1 CPU, 192 MiB)");
}

TEST_CASE("capacity: too little memory for .NET says what to change") {
  const auto message = message_of<io::StartupError>(
      [] { (void)plan_capacity({}, {.affinity = 2, .cpu_quota = {}, .memory = mib(47)}, {}); });
  CHECK(contains(message, "memory.max 47 MiB"));
  CHECK(contains(message, "48 MiB or more"));
  CHECK_NOTHROW((void)plan_capacity({}, {.affinity = 2, .cpu_quota = {}, .memory = mib(48)}, {}));
}

TEST_CASE("capacity: this process has at least one CPU") { CHECK(Resources::of_process().affinity >= 1); }
