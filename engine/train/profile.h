// Profiles of chosen steps. Used from the training thread alone.
#pragma once

#include <filesystem>

#include "recipe/settings.h"

namespace bascule {

/// Watches the steps [profile_step_start, profile_step_end), counted by the steps done before
/// them: as a Chrome trace of operations and GPU kernels, or as NVTX ranges for Nsight Systems.
class Profile {
 public:
  /// The trace goes to `folder` as steps_START_END.pt.trace.json.
  Profile(const ProfilingSettings& settings, std::filesystem::path folder, bool on_gpu);
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Starts or ends watching; `step` steps are done.
  void at(int64_t step);
  /// Ends watching; the trace that there is so far is written.
  void end();

 private:
  bool wanted_, trace_, on_gpu_, active_ = false;
  int64_t start_, end_;
  std::filesystem::path path_;
};

}  // namespace bascule
