// How much memory a run will take, known before it.
#pragma once

#include <cstdint>

#include "bridge/trained_model.h"
#include "recipe/settings.h"

namespace bascule {

struct PeakMemory {
  int64_t bytes = 0;
  bool gpu = false;  // on a GPU, not the CPU
};

/// The most bytes that tensors of a run with `model` will take on the device that training_device()
/// gives, at most 2 % above what is then measured and not below it: found by allocating a run's
/// tensors, and running the forward and the backward of a micro-batch, without memory. On a CPU the
/// copy of an asynchronous save counts, whether or not it lives at the peak, and of a mixture one
/// expert takes every token: these two may be more.
PeakMemory predicted_peak(const Settings& settings, const TrainedModel& model);

}  // namespace bascule
