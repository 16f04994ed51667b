// Which device training runs on, and what it holds. Free functions.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// What the environment's BASCULE_DEVICE says, "cpu" or "cuda"; without it the GPU, where this
/// build has kernels for one and the machine has one. Throws Error{user} for any other word, or
/// where "cuda" cannot be had.
/// With `absent`, a GPU need not be there: for runs without memory.
at::Device training_device(bool absent = false);

/// The most bytes that tensors have taken on the device so far; on the CPU since count_memory().
int64_t peak_device_bytes(at::Device device);

/// While it lives, this thread's meta tensors, which have sizes and no memory, take the paths that
/// tensors of `device` take.
class MetaStandsFor {
 public:
  explicit MetaStandsFor(at::Device device);
  ~MetaStandsFor();
  MetaStandsFor(const MetaStandsFor&) = delete;
  MetaStandsFor& operator=(const MetaStandsFor&) = delete;
};

/// Whether it is a GPU's, or stands for one.
bool on_gpu(at::Device device);
inline bool on_gpu(const at::Tensor& x) { return on_gpu(x.device()); }

}  // namespace bascule
