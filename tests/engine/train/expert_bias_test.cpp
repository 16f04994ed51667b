// Expert biases after a step, by hand.
#include "train/expert_bias.h"

#include <fmt/format.h>

#include "engine/nn/toy.h"

namespace bascule {
namespace {

Arch balanced_by_bias(bool bias) {
  const Moe moe{.experts = 4, .top_k = 2, .width = 4, .expert_bias = bias};
  Arch arch{.vocab = 5, .hidden = 8, .max_positions = 8, .norm = {.eps = 1e-5}};
  arch.layers.assign(2, Layer{Gqa{.heads = 2, .kv_heads = 2, .head_dim = 4}, moe});
  return arch;
}

at::Tensor numbers(std::vector<double> values) { return at::tensor(values, at::kDouble); }

TEST(ExpertBias, MovesTowardsBalance) {
  const Toy toy(balanced_by_bias(true));
  const auto bias = [&](int layer) {
    return toy.parameters.holding({fmt::format("layers.{}.moe.expert_bias", layer)}).value;
  };
  const auto taken = [&](int layer) {
    return toy.parameters.tally(fmt::format("layers.{}.moe.router", layer))->gradient.select(0, 1);
  };
  bias(0).copy_(numbers({0.5, -0.25, 0, 1}));
  bias(1).copy_(numbers({0, 0, 0, 0}));
  taken(0).copy_(numbers({10, 4, 6, 0}));  // the mean is 5
  taken(1).copy_(numbers({3, 3, 3, 3}));   // nothing to balance
  update_expert_biases(toy.parameters, 0.125);
  EXPECT_TRUE(at::equal(bias(0), numbers({0.375, -0.125, -0.125, 1.125}).to(bias(0).dtype())));
  EXPECT_TRUE(at::equal(bias(1), numbers({0, 0, 0, 0}).to(bias(1).dtype())));
}

TEST(ExpertBias, IsNoGradient) {
  const Toy toy(balanced_by_bias(true));
  EXPECT_FALSE(toy.parameters.holding({"layers.0.moe.expert_bias"}).gradient.defined());
}

TEST(ExpertBias, IsNotThereInOtherModels) {
  const Toy toy(balanced_by_bias(false));
  const at::Tensor before = toy.parameters.arenas()[0].values.clone();
  update_expert_biases(toy.parameters, 1);
  EXPECT_TRUE(at::equal(before, toy.parameters.arenas()[0].values));
}

}  // namespace
}  // namespace bascule
