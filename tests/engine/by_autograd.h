// Gradients by libtorch, to compare ours with.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <vector>

namespace bascule {

/// fp64 tensors of standard normal values.
inline at::Tensor random_tensor(at::IntArrayRef shape, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn(shape, generator, at::TensorOptions(at::kDouble));
}

struct ByAutograd {
  at::Tensor out;
  std::vector<at::Tensor> gradients;  // of the inputs
};

inline ByAutograd by_autograd(
    const std::vector<at::Tensor>& inputs, const at::Tensor& dout,
    const std::function<at::Tensor(const std::vector<at::Tensor>&)>& function) {
  const c10::AutoGradMode on(true);
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().requires_grad_());
  const at::Tensor out = function(leaves);
  return {out.detach(), torch::autograd::grad({out}, leaves, {dout})};
}

/// Relative to the largest expected value, or to 1, which inputs are like: long sums lose digits.
inline void expect_close(const at::Tensor& got, const at::Tensor& expected,
                         double tolerance = 1e-12) {
  ASSERT_EQ(got.sizes(), expected.sizes());
  if (expected.numel() == 0) return;
  const double largest = std::max(1.0, expected.abs().max().item<double>());
  EXPECT_LE((got.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>() / largest,
            tolerance);
}

}  // namespace bascule
