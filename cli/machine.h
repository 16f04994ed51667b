// What this machine has, as far as converting and training care. A value, and how it is found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bascule::cli {

struct Gpu {
  std::string name;
  int64_t memory = -1;  ///< bytes; -1: not known
};

/// Amounts are bytes; -1 or empty where not known or not there.
struct Machine {
  int64_t cores = 0;
  double cores_allowed = 0;  ///< by affinity and cgroup
  int64_t memory = -1, memory_available = -1;
  int64_t memory_limit = -1;  ///< the control group's
  std::string disk_path;      ///< the current folder
  int64_t disk_free = -1, disk_size = -1;
  std::string file_system;
  std::vector<Gpu> gpus;
  std::string driver;  ///< NVIDIA's version
  std::string nccl;    ///< path of the library
  std::string engine;  ///< path of bascule-engine
};

Machine this_machine();

}  // namespace bascule::cli
