// Gradients from one step to the next.
#include "nn/parameters.h"

#include <algorithm>
#include <limits>

#include "engine/nn/toy.h"
#include "nn/decoder.h"

namespace bascule {
namespace {

using at::Tensor;

Arch mixture(bool tied) {
  const Moe moe{.experts = 16, .top_k = 1, .width = 6, .norm_top_k = false};
  Arch arch{.vocab = 13, .hidden = 12, .max_positions = 32, .tied = tied, .norm = {.eps = 1e-5}};
  arch.layers.assign(2, Layer{Gqa{.heads = 2, .kv_heads = 1, .head_dim = 6}, moe});
  return arch;
}

/// All gradients after `times` equal micro-batches of 3 tokens, which leave most experts idle.
std::vector<Tensor> gradients(Toy& toy, int times) {
  const Decoder decoder(toy.arch, toy.parameters, {});
  toy.parameters.begin_step();
  for (int i = 0; i < times; ++i) decoder.forward_backward(batch_of(1, 3, 13), 1);
  toy.parameters.end_step();
  std::vector<Tensor> all;
  for (const Parameter& each : toy.parameters.all()) all.push_back(each.gradient.clone());
  return all;
}

void fill_gradients(Toy& toy, double value) {
  for (const Arena& arena : toy.parameters.arenas())
    if (arena.gradients.defined()) arena.gradients.fill_(value);
}

TEST(Gradients, ForgetTheStepBefore) {
  Toy fresh(mixture(true)), used(mixture(true));
  const std::vector<Tensor> expected = gradients(fresh, 1);
  fill_gradients(used, std::numeric_limits<double>::quiet_NaN());
  const std::vector<Tensor> got = gradients(used, 1);
  int64_t idle = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_TRUE(at::equal(got[i], expected[i])) << used.parameters.all()[i].name;
    idle += got[i].abs().max().item<double>() == 0;
  }
  EXPECT_GE(idle, 2 * 2 * (16 - 3));  // both matrices of an expert that no token chose
}

TEST(Gradients, AddUpWithinAStep) {
  Toy toy(mixture(true));
  const std::vector<Tensor> once = gradients(toy, 1), thrice = gradients(toy, 3);
  for (size_t i = 0; i < once.size(); ++i) expect_close(thrice[i], once[i] * 3);
}

TEST(Gradients, AddToWhatIsThereOutsideOfAStep) {
  Toy toy(mixture(true));
  const std::vector<Tensor> once = gradients(toy, 1);
  fill_gradients(toy, 2);
  const Decoder decoder(toy.arch, toy.parameters, {});
  decoder.forward_backward(batch_of(1, 3, 13), 1);
  for (size_t i = 0; i < once.size(); ++i)
    expect_close(toy.parameters.all()[i].gradient, once[i] + 2);
}

TEST(Gradients, AreNotClearedAgainWhereTheOptimizerLeftThemZero) {
  Toy toy(mixture(false));
  const std::vector<Tensor> expected = gradients(toy, 1);
  const Parameter& rows = toy.parameters.holding({"embed"});
  ASSERT_TRUE(rows.rows);
  EXPECT_FALSE(rows.zero);
  std::fill_n(rows.gradient.data_ptr<double>(), rows.gradient.numel(), 0.0);
  toy.parameters.cleared();
  const std::vector<Tensor> again = gradients(toy, 1);
  EXPECT_TRUE(rows.zero);
  for (size_t i = 0; i < again.size(); ++i)
    EXPECT_TRUE(at::equal(again[i], expected[i])) << toy.parameters.all()[i].name;
  toy.parameters.cleared();
  fill_gradients(toy, 5);  // by another hand
  const std::vector<Tensor> got = gradients(toy, 1);
  EXPECT_FALSE(rows.zero);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(at::equal(got[i], expected[i]));
  EXPECT_FALSE(Toy(mixture(true)).parameters.holding({"embed"}).rows);
}

}  // namespace
}  // namespace bascule
