// The schedule in a checkpoint's common state, as Megatron's OptimizerParamScheduler keeps it. Free
// functions without state.
#pragma once

#include <optional>

#include "recipe/schedule.h"
#include "recipe/settings.h"
#include "train/stored_run.h"

namespace bascule {

inline constexpr const char* kScheduleKey = "opt_param_scheduler";

/// The state after `steps`.
pickle::Value saved_schedule(Schedule schedule, int64_t steps);

/// The steps that the checkpoint's schedule has made: samples of updates that were applied. None
/// where it holds no schedule. Throws Error{format} where they are no number of samples.
std::optional<int64_t> resumed_steps(const StoredRun& stored);

/// The schedule with which a run goes on from `stored`: that of the settings, with which what the
/// checkpoint holds must agree; with scheduler.override_opt_param_scheduler whatever it holds; or,
/// with use_checkpoint_opt_param_scheduler, what it holds, and of the settings the rest: where the
/// warmup begins, and how WSD ends. Throws Error{user} where they differ, Error{format} where the
/// checkpoint holds no schedule's numbers.
Schedule resumed_schedule(const StoredRun& stored, const Settings& settings);

}  // namespace bascule
