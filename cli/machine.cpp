#include "cli/machine.h"

#include <dirent.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/control_group.h"
#include "cli/engine.h"
#include "cli/machine_text.h"

namespace bascule::cli {
namespace {

namespace fs = std::filesystem;

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem))
    found.push_back(at->path());
  std::sort(found.begin(), found.end());
  return found;
}

/// What a command prints; empty where it fails or takes ten seconds.
std::string output_of(const std::string& command) {
  const std::string line = "timeout 10 " + command + " 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(line.c_str(), "r"), ::pclose);
  std::string out;
  char buffer[4096];
  for (size_t got = 1; pipe != nullptr && got > 0;) {
    got = std::fread(buffer, 1, sizeof buffer, pipe.get());
    out.append(buffer, got);
  }
  return out;
}

void add_gpus(Machine& machine) {
  machine.driver = driver_version(contents("/proc/driver/nvidia/version"));
  if (machine.driver.empty()) return;
  machine.gpus = gpus_from_smi(
      output_of("nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits"));
  if (!machine.gpus.empty()) return;
  for (const fs::path& gpu : entries("/proc/driver/nvidia/gpus"))
    machine.gpus.push_back({.name = gpu_model(contents((gpu / "information").string()))});
}

/// Looks where the loader would, and into a Python environment.
std::string find_nccl() {
  std::vector<fs::path> folders;
  const char* listed = std::getenv("LD_LIBRARY_PATH");
  std::istringstream paths(listed != nullptr ? listed : "");
  for (std::string folder; std::getline(paths, folder, ':');)
    if (!folder.empty()) folders.emplace_back(folder);
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                             "/usr/lib64", "/usr/lib", "/usr/local/lib", "/usr/local/cuda/lib64"})
    folders.emplace_back(folder);
  const char* environment = std::getenv("VIRTUAL_ENV");
  for (const fs::path& root : {fs::path(environment != nullptr ? environment : ".venv")})
    for (const fs::path& python : entries(root / "lib"))
      folders.push_back(python / "site-packages" / "nvidia" / "nccl" / "lib");
  for (const fs::path& folder : folders) {
    std::error_code problem;
    const fs::path real = fs::canonical(folder / "libnccl.so.2", problem);
    if (!problem) return real.string();
  }
  return {};
}

void add_disk(Machine& machine) {
  std::error_code problem;
  machine.disk_path = fs::current_path(problem).string();
  machine.file_system = file_system_of(contents("/proc/self/mountinfo"), machine.disk_path);
  struct statvfs disk {};
  if (::statvfs(".", &disk) != 0) return;
  machine.disk_free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
  machine.disk_size = static_cast<int64_t>(disk.f_blocks * disk.f_frsize);
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.cores = std::max<int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN));
  cpu_set_t allowed;
  const bool bound = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  const GroupLimits limits = group_limits("/sys/fs/cgroup", contents("/proc/self/cgroup"));
  machine.cores_allowed = static_cast<double>(bound ? CPU_COUNT(&allowed) : machine.cores);
  if (limits.cores > 0) machine.cores_allowed = std::min(machine.cores_allowed, limits.cores);
  const std::string memory = contents("/proc/meminfo");
  machine.memory = meminfo_bytes(memory, "MemTotal");
  machine.memory_available = meminfo_bytes(memory, "MemAvailable");
  machine.memory_limit = limits.memory;
  add_disk(machine);
  add_gpus(machine);
  machine.nccl = find_nccl();
  machine.engine = find_engine().string();
  return machine;
}

}  // namespace bascule::cli
