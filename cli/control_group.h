// The limits that a container or a service sets for its processes. Reads small files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace bascule::cli {

struct GroupLimits {
  int64_t memory = -1;  ///< bytes; -1: none
  double cores = -1;    ///< may be a fraction; -1: none
};

/// The least limits on the way from the process's own group (named in `membership`, the text of
/// /proc/self/cgroup) up to `root`. Control groups of version 1 and 2.
GroupLimits group_limits(const std::filesystem::path& root, const std::string& membership);

}  // namespace bascule::cli
