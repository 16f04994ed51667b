// What the kernel and the driver print about a machine, as values. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "cli/machine.h"

namespace bascule::cli {

/// The value of a line "MemTotal: 123 kB" of /proc/meminfo in bytes; -1 where there is none.
int64_t meminfo_bytes(const std::string& meminfo, const std::string& field);

/// The type of the file system that holds `path`, from /proc/self/mountinfo.
std::string file_system_of(const std::string& mountinfo, const std::string& path);

/// GPUs from lines of "name, MiB", as nvidia-smi prints them.
std::vector<Gpu> gpus_from_smi(const std::string& lines);

/// The version in /proc/driver/nvidia/version.
std::string driver_version(const std::string& text);

/// The model in /proc/driver/nvidia/gpus/*/information.
std::string gpu_model(const std::string& information);

}  // namespace bascule::cli
