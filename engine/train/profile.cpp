#include "train/profile.h"

#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <set>
#include <utility>

#include "base/check.h"
#include "base/directories.h"

namespace bascule {
namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;
using torch::profiler::impl::ProfilerConfig;
using torch::profiler::impl::ProfilerState;

}  // namespace

Profile::Profile(const ProfilingSettings& settings, std::filesystem::path folder, bool on_gpu)
    : wanted_(settings.use_pytorch_profiler || settings.nvtx_ranges),
      trace_(settings.use_pytorch_profiler),
      on_gpu_(on_gpu),
      start_(settings.profile_step_start),
      end_(settings.profile_step_end),
      path_(std::move(folder) / fmt::format("steps_{}_{}.pt.trace.json", start_, end_)) {
  require(!settings.nvtx_ranges || on_gpu, Kind::user,
          "profiling.nvtx_ranges is for runs on a GPU, and this one is on the CPU; "
          "profiling.use_pytorch_profiler gives a trace here");
}

Profile::~Profile() {
  if (active_) profiler::disableProfiler();
}

void Profile::at(int64_t step) {
  if (!wanted_) return;
  if (active_ && step >= end_) end();
  if (active_ || step < start_ || step >= end_) return;
  const ProfilerConfig config(trace_ ? ProfilerState::KINETO : ProfilerState::NVTX);
  std::set<ActivityType> activities = {ActivityType::CPU};
  if (on_gpu_) activities.insert(ActivityType::CUDA);
  if (trace_) profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  active_ = true;
}

void Profile::end() {
  if (!std::exchange(active_, false)) return;
  const auto result = profiler::disableProfiler();
  if (!trace_) return;
  make_directories(path_.parent_path());
  result->save(path_);
  std::error_code failed;
  require(std::filesystem::exists(path_, failed), Kind::environment, "{} could not be written",
          path_.string());
}

}  // namespace bascule
