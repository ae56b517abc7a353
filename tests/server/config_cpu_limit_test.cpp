#include "server/config/cpu_limit.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <optional>

#include "tests/server/temporary_folder.hpp"

using namespace owind::config;
using owind::test::TemporaryFolder;

namespace {

constexpr const char* kVersion2Mount =
    "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

}  // namespace

TEST_CASE("cpu limit: a machine without control groups has no quota") {
  const TemporaryFolder root;
  CHECK_FALSE(cgroup_cpu_quota(root.path()).has_value());
}

TEST_CASE("cpu limit: version 2 reads cpu.max of the own group") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", kVersion2Mount);
  root.write("proc/self/cgroup", "0::/system.slice/owind.service\n");
  root.write("sys/fs/cgroup/system.slice/owind.service/cpu.max", "150000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(1.5));
}

TEST_CASE("cpu limit: version 2 takes the smallest quota of the group and those above it") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", kVersion2Mount);
  root.write("proc/self/cgroup", "0::/a/b/c\n");
  root.write("sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  root.write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  root.write("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(0.5));
}

TEST_CASE("cpu limit: max means none") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", kVersion2Mount);
  root.write("proc/self/cgroup", "0::/a\n");
  root.write("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  CHECK_FALSE(cgroup_cpu_quota(root.path()).has_value());
}

TEST_CASE("cpu limit: a container with a namespace of its own finds its quota at the mount point") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", kVersion2Mount);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(2.0));
}

TEST_CASE("cpu limit: version 1 reads the quota of the cpu controller") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo",
             "30 23 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
             "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  root.write("proc/self/cgroup", "5:cpuset:/other\n4:cpu,cpuacct:/jobs/7\n1:name=systemd:/x\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_quota_us", "250000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(2.5));
}

TEST_CASE("cpu limit: version 1 in a container without a namespace leaves out what is not mounted") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", "31 23 0:27 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  root.write("proc/self/cgroup", "4:cpu:/docker/abc\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(2.0));
}

TEST_CASE("cpu limit: version 1 writes -1 for none") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  root.write("proc/self/cgroup", "4:cpu:/\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(cgroup_cpu_quota(root.path()).has_value());
}

TEST_CASE("cpu limit: with both versions mounted the smaller quota counts") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo",
             "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
             "32 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  root.write("proc/self/cgroup", "4:cpu:/a\n0::/b\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  root.write("sys/fs/cgroup/unified/b/cpu.max", "200000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(2.0));
}

TEST_CASE("cpu limit: mount points with blanks are found [proc(5)]") {
  const TemporaryFolder root;
  root.write("proc/self/mountinfo", "31 23 0:27 / /sys/my\\040groups rw - cgroup2 cgroup2 rw\n");
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/my groups/cpu.max", "100000 100000\n");
  CHECK(cgroup_cpu_quota(root.path()).value() == doctest::Approx(1.0));
}

TEST_CASE("cpu limit: files with nonsense mean no quota") {
  for (const char* content :
       {"", "\n", "x y\n", "100000\n", "0 100000\n", "100000 0\n", "-5 100000\n", "nan 1\n"}) {
    CAPTURE(content);
    const TemporaryFolder root;
    root.write("proc/self/mountinfo", std::string("nonsense\n- - -\n") + kVersion2Mount);
    root.write("proc/self/cgroup", "nonsense\n0::/\n");
    root.write("sys/fs/cgroup/cpu.max", content);
    CHECK_FALSE(cgroup_cpu_quota(root.path()).has_value());
  }
}

TEST_CASE("cpu limit: a quota is rounded up and never below one CPU") {
  CHECK(limit_cpus(8, std::nullopt) == 8);
  CHECK(limit_cpus(8, 2.0) == 2);
  CHECK(limit_cpus(8, 2.1) == 3);
  CHECK(limit_cpus(8, 0.01) == 1);
  CHECK(limit_cpus(2, 64.0) == 2);
  CHECK(limit_cpus(2, 1e300) == 2);
  CHECK(limit_cpus(0, std::nullopt) == 1);
}

TEST_CASE("cpu limit: this process may use no more CPUs than its affinity has") {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  const auto cpus = affinity_cpus();
  CHECK(cpus >= 1);
  CHECK(cpus <= static_cast<std::size_t>(CPU_COUNT(&set)));
}
