#include "bridge/megatron_model.h"

#include <gtest/gtest.h>

#include "unit/expect_error.h"

namespace bascule {
namespace {

Tree toy() {
  return parse_yaml(R"(
num_layers: 2
hidden_size: 64
ffn_hidden_size: 96
num_attention_heads: 4
vocab_size: 500
seq_length: 128
should_pad_vocab: true
normalization: RMSNorm
activation_func: {_target_: torch.nn.functional.silu}
gated_linear_unit: true
add_bias_linear: false
share_embeddings_and_output_weights: false
position_embedding_type: rope
bf16: true
params_dtype: {_call_: false, _target_: torch.bfloat16}
)",
                    "toy.yaml");
}

TEST(MegatronModel, is_what_its_settings_say) {
  const MegatronModel model = megatron_model(toy(), "llama", "toy");
  EXPECT_EQ(model.family, "llama");
  EXPECT_EQ(model.dtype, "bfloat16");
  EXPECT_EQ(model.vocab_multiple, 128);
  EXPECT_EQ(model.arch.vocab, 500);
  EXPECT_EQ(model.arch.max_positions, 128);
  ASSERT_EQ(model.arch.layers.size(), 2u);
  EXPECT_EQ(std::get<Gqa>(model.arch.layers[1].mixer),
            (Gqa{.heads = 4, .kv_heads = 4, .head_dim = 16}));
  EXPECT_EQ(std::get<Mlp>(model.arch.layers[1].feed_forward), Mlp{.width = 96});
}

TEST(MegatronModel, may_say_what_bridge_would_say_of_it_anyway) {
  Tree told = toy();
  told.set("moe_router_topk", 2);
  told.set("attention_dropout", 0.0);
  EXPECT_EQ(megatron_model(told, "llama", "toy").arch, megatron_model(toy(), "llama", "toy").arch);
}

TEST(MegatronModel, is_refused_where_a_setting_is_not_understood_or_makes_another_model) {
  const struct {
    const char *key, *value, *says;
    Kind kind = Kind::unsupported;
  } rows[] = {
      {"unknown", "1", "toy: unknown is 1, but models of the family llama have no such setting"},
      {"moe_router_topk", "4", "toy: moe_router_topk is 4, but models of the family llama have"},
      {"query_pre_attn_scalar", "64", "query_pre_attn_scalar is 64"},
      {"qk_layernorm", "true", "toy: the family llama has no such model"},
      {"num_moe_experts", "8", "toy: the family llama has no such model"},
      {"mtp_num_layers", "1", "mtp_num_layers"},
      {"hidden_size", "null", "hidden_size", Kind::format},
      {"num_layers", "0", "num_layers is 0", Kind::format},
  };
  for (const auto& row : rows) {
    Tree changed = toy();
    changed.set(row.key, parse_yaml(row.value, "value"));
    expect_error(row.kind, {row.says}, [&] { megatron_model(changed, "llama", "toy"); });
  }
  expect_error(Kind::unsupported, {"the family \"lama\"", "did you mean llama?"},
               [] { megatron_model(toy(), "lama", "toy"); });
  expect_error(Kind::format, {"toy", "a map"},
               [] { megatron_model(Tree::list(), "llama", "toy"); });
}

}  // namespace
}  // namespace bascule
