#include "cli/control_group.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;

/// Version 1 says "no limit" with a number near 2^63.
constexpr double kNoLimit = 1e18;

/// The numbers in a file; "max" ends them.
std::vector<double> numbers(const fs::path& path) {
  std::ifstream file(path);
  std::vector<double> found;
  for (double number = 0; file >> number;) found.push_back(number);
  return found;
}

template <class Number>
void lower(Number& limit, double value) {
  if (value <= 0 || value >= kNoLimit) return;
  if (limit < 0 || value < static_cast<double>(limit)) limit = static_cast<Number>(value);
}

void apply(GroupLimits& limits, const fs::path& folder) {
  for (const char* file : {"memory.max", "memory.limit_in_bytes"})
    if (const auto memory = numbers(folder / file); !memory.empty())
      lower(limits.memory, memory.front());
  if (const auto cpu = numbers(folder / "cpu.max"); cpu.size() == 2)
    lower(limits.cores, cpu[0] / cpu[1]);
  const auto quota = numbers(folder / "cpu.cfs_quota_us");
  const auto period = numbers(folder / "cpu.cfs_period_us");
  if (!quota.empty() && !period.empty()) lower(limits.cores, quota[0] / period[0]);
}

/// The folder of a group and those above it, `root` included.
void apply_upwards(GroupLimits& limits, const fs::path& root, std::string group) {
  for (;; group.erase(group.find_last_of('/'))) {
    apply(limits, root / group.substr(std::min(group.find_first_not_of('/'), group.size())));
    if (group.find_first_not_of('/') == std::string::npos) return;
  }
}

}  // namespace

GroupLimits group_limits(const fs::path& root, const std::string& membership) {
  GroupLimits limits;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    // "0::/group" (version 2) or "4:memory:/group" (version 1, a tree for each controller)
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (group.empty() || group.front() != '/') continue;
    apply_upwards(limits, root / controllers, group);
  }
  // In a container the group's own folder is often mounted as the root.
  for (const char* tree : {"", "memory", "cpu", "cpu,cpuacct"}) apply(limits, root / tree);
  return limits;
}

}  // namespace bascule::cli
