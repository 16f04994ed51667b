// Tensors for the tests that run on a GPU, and how far its results may be off.
#pragma once

#include "engine/by_autograd.h"

namespace bascule {

/// A tensor as a GPU gets it, and in fp64 with the same values, for the reference on the CPU.
struct Both {
  at::Tensor gpu, reference;
};

inline Both on_gpu(const at::Tensor& values, at::ScalarType type) {
  const at::Tensor rounded = values.to(type);
  return {rounded.to(at::kCUDA), rounded.to(at::kDouble)};
}

inline Both random_on_gpu(at::IntArrayRef shape, uint64_t seed, at::ScalarType type) {
  return on_gpu(random_tensor(shape, seed), type);
}

/// Whole numbers below `end`, on the CPU.
inline at::Tensor random_indices(int64_t count, int64_t end, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randint(end, {count}, generator, at::TensorOptions(at::kLong));
}

/// One rounding of the result, and sums in fp32.
inline double tolerance(at::ScalarType type) { return type == at::kFloat ? 2e-5 : 4.1e-3; }

inline void expect_like(const at::Tensor& got, const at::Tensor& expected, double tolerance) {
  expect_close(got.cpu(), expected, tolerance);
}

constexpr at::ScalarType kGpuTypes[] = {at::kFloat, at::kBFloat16};
constexpr int64_t kOddRows[] = {1, 127, 8193};

}  // namespace bascule
