// Operations and parameters against Bridge's formula, written out for known models.
#include "recipe/flops.h"

#include <gtest/gtest.h>

#include "model/slot.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

Arch uniform(const Layer& layer, int64_t layers, int64_t hidden, int64_t vocab) {
  Arch arch{.vocab = vocab, .hidden = hidden, .max_positions = 128};
  arch.layers.assign(static_cast<size_t>(layers), layer);
  return arch;
}

const Gqa kAttention{.heads = 8, .kv_heads = 2, .head_dim = 16};

// Bridge: batch * seq * (12 * layers * h * ffn * 3/2
//                        + 12 * layers * h * h * (1 + g/n + seq/h/2) * q/h + 6 * h * vocab).
double bridge(double batch, double seq, double layers, double h, double ffn, double g, double n,
              double q, double vocab) {
  return batch * seq *
         (12 * layers * h * ffn * 1.5 + 12 * layers * h * h * (1 + g / n + seq / h / 2) * (q / h) +
          6 * h * vocab);
}

TEST(Flops, of_a_dense_model_are_bridges) {
  const Arch arch = uniform({kAttention, Mlp{.width = 96}}, 3, 64, 1000);
  EXPECT_DOUBLE_EQ(training_flops(arch, 4, 32), bridge(4, 32, 3, 64, 96, 2, 8, 128, 1000));
}

TEST(Flops, of_experts_count_the_chosen_and_the_shared) {
  Moe moe{.experts = 16, .top_k = 4, .width = 24};
  const Arch routed = uniform({kAttention, moe}, 3, 64, 1000);
  EXPECT_DOUBLE_EQ(training_flops(routed, 4, 32), bridge(4, 32, 3, 64, 24 * 4, 2, 8, 128, 1000));
  moe.shared_width = 48;
  const Arch shared = uniform({kAttention, moe}, 3, 64, 1000);
  EXPECT_DOUBLE_EQ(training_flops(shared, 4, 32),
                   bridge(4, 32, 3, 64, 24 * 4 + 48, 2, 8, 128, 1000));
}

TEST(Flops, of_a_plain_mlp_are_two_products) {
  const Arch gated = uniform({kAttention, Mlp{.width = 96}}, 3, 64, 1000);
  const Arch plain = uniform({kAttention, Mlp{.width = 96, .gated = false}}, 3, 64, 1000);
  EXPECT_DOUBLE_EQ(training_flops(gated, 1, 1) - training_flops(plain, 1, 1), 6.0 * 3 * 64 * 96);
}

TEST(Flops, of_windows_count_the_keys_that_are_seen) {
  Gqa windowed = kAttention;
  windowed.window = 8;
  const Arch arch = uniform({windowed, Mlp{.width = 96}}, 1, 64, 1000);
  // 32 queries see 32/2 keys of 32, or 8 - 8*8/64 = 7 within the window.
  EXPECT_DOUBLE_EQ(training_flops(arch, 1, 32) - training_flops(arch, 1, 32, true),
                   6.0 * 32 * 2 * 128 * (16 - 7));
  EXPECT_EQ(training_flops(arch, 1, 8), training_flops(arch, 1, 8, true));
}

TEST(Flops, of_layers_that_are_not_counted_yet_are_refused) {
  const Arch arch = uniform({Mamba2{.heads = 1}, std::monostate{}}, 1, 64, 1000);
  expect_error(Kind::unsupported, {"not counted yet"}, [&] { training_flops(arch, 1, 1); });
}

TEST(Parameters, are_counted_by_kind) {
  Moe moe{.experts = 16, .top_k = 4, .width = 24};
  Arch arch = uniform({kAttention, moe}, 3, 64, 1000);
  const ParameterCounts apart = parameter_counts(arch);
  const int64_t expert = 3 * 64 * 24;
  EXPECT_EQ(apart.all, slots(arch).parameters());
  EXPECT_EQ(apart.embedding, 2 * 64 * 1000);
  EXPECT_EQ(apart.all - apart.active, 3 * 12 * expert);
  EXPECT_EQ(apart.all - apart.decaying, 3 * 2 * 64 + 64);  // the norms
  arch.tied = true;
  EXPECT_EQ(parameter_counts(arch).all, apart.all - 64 * 1000);
  EXPECT_EQ(parameter_counts(arch).embedding, 64 * 1000);
}

TEST(Parameters, of_biased_experts_are_active_by_expert) {
  const Moe moe{.experts = 4, .top_k = 1, .width = 24, .bias = true};
  const Moe one{.experts = 1, .top_k = 1, .width = 24, .bias = true};
  const int64_t routers = 3 * 64;  // of the three experts that are not chosen
  EXPECT_EQ(parameter_counts(uniform({kAttention, moe}, 1, 64, 10)).active - routers,
            parameter_counts(uniform({kAttention, one}, 1, 64, 10)).all);
}

}  // namespace
}  // namespace bascule
