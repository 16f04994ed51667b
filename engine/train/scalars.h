// A run's rows as numbers under the names that Megatron Bridge gives them in TensorBoard and in
// services. Pure functions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "recipe/settings.h"
#include "train/metrics.h"

namespace bascule {

using Scalars = std::vector<std::pair<std::string, double>>;

/// None of a step that logger.tensorboard_log_interval leaves out.
Scalars scalars(const StepRow& row, const LoggerSettings& settings);
Scalars scalars(const EvaluationRow& row, const LoggerSettings& settings);

/// A sink that gives them to `log`.
std::unique_ptr<MetricsSink> scalars_to(
    const LoggerSettings& settings, std::function<void(int64_t step, const Scalars& scalars)> log);

}  // namespace bascule
