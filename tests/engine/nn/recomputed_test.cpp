// What is computed again gives the same bits as what was kept.
#include "engine/nn/toy.h"
#include "nn/decoder.h"

namespace bascule {
namespace {

using at::Tensor;

Arch five_layers() {
  const Gqa gqa{.heads = 2, .kv_heads = 1, .head_dim = 6};
  Arch arch{.vocab = 13, .hidden = 12, .max_positions = 32, .norm = {.eps = 1e-5}};
  for (int i = 0; i < 5; ++i) {
    const Moe moe{.experts = 4,
                  .top_k = 2,
                  .width = 6,
                  .balance = Moe::Balance::global_aux,
                  .aux_coefficient = 0.1};
    if (i % 2 == 0)
      arch.layers.push_back({gqa, Mlp{.width = 10}});
    else
      arch.layers.push_back({gqa, moe});
  }
  return arch;
}

/// The loss, and all gradients after two micro-batches.
std::vector<Tensor> numbers(const Recompute& recompute) {
  Toy toy(five_layers());
  const Decoder decoder(toy.arch, toy.parameters, {.recompute = recompute, .moe = {}});
  toy.parameters.begin_step();
  std::vector<Tensor> all;
  for (const int64_t i : {0, 1}) {
    Batch batch = batch_of(2, 7, 13);
    batch.before = i;
    batch.balance_scale = 1;
    all.push_back(at::scalar_tensor(decoder.forward_backward(batch, 1).loss(), at::kDouble));
  }
  toy.parameters.end_step();
  for (const Parameter& each : toy.parameters.all()) all.push_back(each.gradient);
  all.push_back(toy.parameters.tally("layers.1.moe.router")->gradient);
  return all;
}

TEST(Recompute, ChangesNoBit) {
  const std::vector<Tensor> kept = numbers({});
  const Recompute rows[] = {
      {.layers = 5},
      {.layers = 5, .together = 2},
      {.layers = 5, .together = 5},
      {.layers = 5, .together = 9},
      {.layers = 3},
      {.layers = 99},
      {.mlp = true},
      {.moe = true},
      {.layers = 2, .mlp = true, .moe = true},
  };
  for (const Recompute& row : rows) {
    const std::vector<Tensor> again = numbers(row);
    ASSERT_EQ(again.size(), kept.size());
    for (size_t i = 0; i < kept.size(); ++i)
      EXPECT_TRUE(at::equal(again[i], kept[i])) << row.layers << " " << row.together << " " << i;
  }
}

}  // namespace
}  // namespace bascule
