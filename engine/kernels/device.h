// Which device training runs on, and what it holds. Free functions.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// What the environment's BASCULE_DEVICE says, "cpu" or "cuda"; without it the GPU, where this
/// build has kernels for one and the machine has one. Throws Error{user} for any other word, or
/// where "cuda" cannot be had.
at::Device training_device();

/// The most bytes that tensors have taken on the device so far; 0 for the CPU.
int64_t peak_device_bytes(at::Device device);

}  // namespace bascule
