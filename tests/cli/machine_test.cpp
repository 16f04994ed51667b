#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/control_group.h"
#include "cli/machine_text.h"

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;

TEST(MachineText, Meminfo) {
  const std::string text = "MemTotal:       24641992 kB\nMemAvailable:   22017048 kB\n";
  EXPECT_EQ(meminfo_bytes(text, "MemTotal"), int64_t{24641992} * 1024);
  EXPECT_EQ(meminfo_bytes(text, "MemAvailable"), int64_t{22017048} * 1024);
  EXPECT_EQ(meminfo_bytes(text, "Mem"), -1);
  EXPECT_EQ(meminfo_bytes("", "MemTotal"), -1);
}

TEST(MachineText, FileSystemIsTheInnermostMounts) {
  const std::string mounts =
      "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
      "30 22 0:26 / /home rw shared:1 master:2 - xfs /dev/vdb rw\n"
      "31 22 0:27 / /home rw - btrfs /dev/vdc rw\n"
      "32 30 0:28 / /home/a/data rw - nfs4 server:/x rw\n"
      "broken\n";
  EXPECT_EQ(file_system_of(mounts, "/srv"), "ext4");
  EXPECT_EQ(file_system_of(mounts, "/home"), "btrfs");
  EXPECT_EQ(file_system_of(mounts, "/homes"), "ext4");
  EXPECT_EQ(file_system_of(mounts, "/home/a/data/x"), "nfs4");
  EXPECT_EQ(file_system_of("", "/"), "");
}

TEST(MachineText, Gpus) {
  const auto gpus = gpus_from_smi("NVIDIA H100 80GB HBM3, 81559\nOdd, name, [N/A]\nno comma\n");
  ASSERT_EQ(gpus.size(), 2);
  EXPECT_EQ(gpus[0].name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpus[0].memory, int64_t{81559} << 20);
  EXPECT_EQ(gpus[1].name, "Odd, name");
  EXPECT_EQ(gpus[1].memory, -1);
  EXPECT_EQ(gpu_model("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 52\n"), "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu_model(""), "unknown");
}

TEST(MachineText, Driver) {
  EXPECT_EQ(driver_version("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.06  Wed Jun 26 "
                           "06:46:07 UTC 2024\nGCC version: gcc 12.2.0\n"),
            "535.183.06");
  EXPECT_EQ(driver_version("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  "
                           "Release Build\n"),
            "570.86.15");
  EXPECT_EQ(driver_version(""), "");
}

class ControlGroup : public testing::Test {
 protected:
  ControlGroup()
      : root(fs::path(testing::TempDir()) / ("control_group_" + std::to_string(::getpid()))) {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~ControlGroup() override { fs::remove_all(root); }

  void write(const char* path, const char* text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }

  const fs::path root;
};

TEST_F(ControlGroup, TakesTheLeastOnTheWayUp) {
  write("a/b/memory.max", "max\n");
  write("a/memory.max", "1000000\n");
  write("memory.max", "2000000\n");
  write("a/b/cpu.max", "150000 100000\n");
  write("a/cpu.max", "max 100000\n");
  const GroupLimits limits = group_limits(root, "0::/a/b\n");
  EXPECT_EQ(limits.memory, 1000000);
  EXPECT_DOUBLE_EQ(limits.cores, 1.5);
}

TEST_F(ControlGroup, ReadsVersionOne) {
  write("memory/docker/x/memory.limit_in_bytes", "500\n");
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "50000\n");
  write("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  write("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const GroupLimits limits =
      group_limits(root, "9:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n");
  EXPECT_EQ(limits.memory, 500);
  EXPECT_DOUBLE_EQ(limits.cores, 0.5);
}

TEST_F(ControlGroup, FindsNoLimits) {
  EXPECT_EQ(group_limits(root, "0::/a\n").memory, -1);
  EXPECT_EQ(group_limits(root / "absent", "").memory, -1);
  write("memory.max", "max\n");
  EXPECT_EQ(group_limits(root, "nonsense\n:\n0::relative\n").memory, -1);
  EXPECT_EQ(group_limits(root, "0::/\n").cores, -1);
}

}  // namespace
}  // namespace bascule::cli
