// Every block written by hand against the same mathematics under autograd, in fp64.
#include <cmath>

#include "engine/nn/toy.h"
#include "nn/attention_block.h"
#include "nn/autograd_block.h"
#include "nn/decoder.h"
#include "nn/feed_forward.h"
#include "nn/residual.h"

namespace bascule {
namespace {

using at::Tensor;

Arch nn_toy(const Gqa& gqa) {
  Arch arch{.vocab = 13, .hidden = 12, .max_positions = 32, .norm = {.eps = 1e-5}};
  arch.layers.assign(2, Layer{gqa, Mlp{.width = 10}});
  return arch;
}

Tensor rms(const Tensor& x, const Tensor& weight, double eps) {
  return x * (x.pow(2).mean(-1, true) + eps).rsqrt() * weight;
}

/// x turned; x is [sequences, heads, length, dim].
Tensor turned_by_place(const Tensor& x, double theta) {
  const int64_t half = x.size(3) / 2;
  const Tensor frequencies =
      at::pow(theta, -at::arange(half, x.options()) / static_cast<double>(half));
  const Tensor angles = at::outer(at::arange(x.size(2), x.options()), frequencies);
  const Tensor a = x.narrow(3, 0, half), b = x.narrow(3, half, half);
  return at::cat({a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()}, 3);
}

void check_attention(bool norms, bool bias, int64_t sequences) {
  const Gqa gqa{.heads = 4,
                .kv_heads = 2,
                .head_dim = 6,
                .qkv_bias = bias,
                .qk_norm = norms ? Gqa::QkNorm::per_head : Gqa::QkNorm::none};
  Toy toy(nn_toy(gqa));
  const Parameters& all = toy.parameters;
  std::vector<const Parameter*> used = {
      &all.holding({"layers.1.attn.q", "layers.1.attn.k", "layers.1.attn.v"}),
      &all.holding({"layers.1.attn.o"})};
  if (bias)
    used.push_back(
        &all.holding({"layers.1.attn.q.bias", "layers.1.attn.k.bias", "layers.1.attn.v.bias"}));
  if (norms) {
    used.push_back(&all.holding({"layers.1.attn.q_norm"}));
    used.push_back(&all.holding({"layers.1.attn.k_norm"}));
  }
  const Batch batch = batch_of(sequences, 5, 13);
  const AutogradBlock oracle(used, [&](const Tensor& in, const std::vector<Tensor>& w) {
    Tensor qkv = at::matmul(in, w[0].t());
    if (bias) qkv = qkv + w[2];
    qkv = qkv.view({sequences, 5, 2, 4, 6});  // length, key heads, q q k v, dim
    Tensor q = qkv.narrow(3, 0, 2).reshape({sequences, 5, 4, 6}).transpose(1, 2);
    Tensor k = qkv.select(3, 2).transpose(1, 2), v = qkv.select(3, 3).transpose(1, 2);
    if (norms) {
      q = rms(q, w[w.size() - 2], 1e-5);
      k = rms(k, w[w.size() - 1], 1e-5);
    }
    q = turned_by_place(q, 10000);
    k = turned_by_place(k, 10000).repeat_interleave(2, 1);
    v = v.repeat_interleave(2, 1);
    const Tensor later = at::ones({5, 5}, at::TensorOptions(at::kBool)).triu(1);
    const Tensor z = (at::matmul(q, k.transpose(2, 3)) / std::sqrt(6.0))
                         .masked_fill(later, -std::numeric_limits<double>::infinity());
    const Tensor out = at::matmul(z.softmax(-1), v).transpose(1, 2).reshape({sequences * 5, 24});
    return at::matmul(out, w[1].t());
  });
  compare(toy, AttentionBlock(all, toy.arch, gqa, "layers.1."), oracle, batch);
}

TEST(Blocks, AttentionIsItsFormula) {
  for (const int64_t sequences : {1, 2})
    for (const bool norms : {false, true})
      for (const bool bias : {false, true}) check_attention(norms, bias, sequences);
}

TEST(Blocks, GatedFeedForwardBesideTheStreamIsItsFormula) {
  Toy toy(nn_toy({.heads = 2, .kv_heads = 2, .head_dim = 6}));
  const Parameters& all = toy.parameters;
  const AutogradBlock oracle(
      {&all.holding({"layers.0.mlp_norm"}), &all.holding({"layers.0.mlp.gate", "layers.0.mlp.up"}),
       &all.holding({"layers.0.mlp.down"})},
      [](const Tensor& in, const std::vector<Tensor>& w) {
        const auto halves = at::matmul(rms(in, w[0], 1e-5), w[1].t()).chunk(2, 1);
        return in + at::matmul(halves[0] * halves[0].sigmoid() * halves[1], w[2].t());
      });
  const Residual ours(
      NormBlock(all, toy.arch.norm, "layers.0.mlp_norm"),
      std::make_unique<FeedForwardBlock>(all, Activation::silu, true, "layers.0.mlp."),
      std::nullopt);
  compare(toy, ours, oracle, batch_of(1, 7, 13));
}

}  // namespace
}  // namespace bascule
