#include "kernels/adamw.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "engine/by_autograd.h"

namespace bascule {
namespace {

using at::Tensor;

constexpr AdamW kRule{.lr = 0.01,
                      .weight_decay = 0.3,
                      .beta1 = 0.8,
                      .beta2 = 0.95,
                      .eps = 1e-3,
                      .step = 3,
                      .gradient_scale = 0.5};

struct State {
  Tensor p, g, m, v;
};

State state_of(int64_t count, at::ScalarType type) {
  return {random_tensor({count}, 1).to(type), random_tensor({count}, 2).to(type),
          random_tensor({count}, 3).to(type), random_tensor({count}, 4).square().to(type)};
}

/// The formulas of the header, by ATen.
State formula(const State& s) {
  const Tensor g = s.g * 0.5, m = s.m * 0.8 + g * 0.2, v = s.v * 0.95 + g * g * 0.05;
  const Tensor step = m / (1 - std::pow(0.8, 3)) / ((v / (1 - std::pow(0.95, 3))).sqrt() + 1e-3);
  return {s.p * (1 - 0.01 * 0.3) - step * 0.01, s.g, m, v};
}

TEST(AdamW, IsItsFormula) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, {at::kFloat, 1e-6}})
    for (const int64_t count : {1, 15, 8193, 100'003}) {
      SCOPED_TRACE(count);
      State got = state_of(count, type);
      const State expected = formula(state_of(count, at::kDouble));
      adamw(got.p, got.g, got.m, got.v, kRule);
      expect_close(got.p, expected.p, tolerance);
      expect_close(got.m, expected.m, tolerance);
      expect_close(got.v, expected.v, tolerance);
    }
}

/// To the bit, also what its vectors leave over, and where the second moment moves faster.
TEST(AdamW, RoundsAsTorchsFusedOne) {
  for (const double beta1 : {0.9, 0.3})
    for (const int64_t count : {1, 7, 8, 15, 8193, 100'003}) {
      SCOPED_TRACE(count);
      AdamW rule = kRule;
      rule.beta1 = beta1;
      rule.gradient_scale = 1;
      State ours = state_of(count, at::kFloat), theirs = state_of(count, at::kFloat);
      adamw(ours.p, ours.g, ours.m, ours.v, rule);
      at::_fused_adamw_({theirs.p}, {theirs.g}, {theirs.m}, {theirs.v}, {},
                        {at::full({}, rule.step, at::TensorOptions(at::kFloat))}, rule.lr,
                        rule.beta1, rule.beta2, rule.weight_decay, rule.eps, /*amsgrad=*/false,
                        /*maximize=*/false);
      EXPECT_TRUE(at::equal(ours.m, theirs.m));
      EXPECT_TRUE(at::equal(ours.v, theirs.v));
      EXPECT_TRUE(at::equal(ours.p, theirs.p));
    }
}

TEST(AdamW, DoesNotDependOnThreads) {
  const int before = at::get_num_threads();
  std::vector<State> results;
  std::vector<double> sums;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    State state = state_of(300'001, at::kFloat);
    adamw(state.p, state.g, state.m, state.v, kRule);
    sums.push_back(sum_of_squares(state.g));
    results.push_back(state);
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(results[0].p, results[1].p));
  EXPECT_TRUE(at::equal(results[0].v, results[1].v));
  EXPECT_EQ(sums[0], sums[1]);
}

TEST(SumOfSquares, IsTheNormSquared) {
  for (const int64_t count : {0, 1, 17, 70'001}) {
    const Tensor values = random_tensor({count}, 5);
    EXPECT_NEAR(sum_of_squares(values), values.square().sum().item<double>(), 1e-9);
    const Tensor narrow = values.to(at::kFloat);
    EXPECT_NEAR(sum_of_squares(narrow), narrow.to(at::kDouble).square().sum().item<double>(), 1e-9);
  }
  EXPECT_TRUE(std::isinf(sum_of_squares(at::full({3}, INFINITY, at::TensorOptions(at::kFloat)))));
}

}  // namespace
}  // namespace bascule
