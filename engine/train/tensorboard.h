// A run's metrics as a TensorBoard event file. Used from the training thread alone.
#pragma once

#include <filesystem>
#include <memory>

#include "recipe/settings.h"
#include "train/metrics.h"

namespace bascule {

/// Appends to a new file in `logger.tensorboard_dir`, under Megatron's tags: "lm loss",
/// "learning-rate", "grad-norm", "batch-size", "iteration-time", "lm loss validation", and what
/// else the settings ask for. `now` is seconds since 1970, part of the file's name.
std::unique_ptr<MetricsSink> tensorboard(const LoggerSettings& settings, double now);

}  // namespace bascule
