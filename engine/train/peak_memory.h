// How much memory a run will take, known before it.
#pragma once

#include "kernels/device.h"
#include "recipe/settings.h"

namespace bascule {

/// The most bytes that tensors will take on the device, at most 2 % above what is then measured
/// and not below it: found by allocating a run's tensors, and running the forward and the backward
/// of a micro-batch, without memory. Throws Error{unsupported} for mixtures on a CPU, whose experts
/// take one after the other what the router sends them.
int64_t predicted_peak(const Settings& settings, at::Device device);

}  // namespace bascule
