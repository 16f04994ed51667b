// Megatron-LM's arguments as settings: what each is called, what is switched, and what is refused.
#include "families/megatron_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "unit/expect_error.h"
#include "unit/families/golden_models.h"

namespace bascule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Megatron-LM's of a small Llama, with some replaced or (by "absent") taken out.
Tree arguments(const std::string& changes = "{}") {
  Tree args = parse_json(R"({
      "num_layers": 3, "hidden_size": 96, "ffn_hidden_size": 152, "num_attention_heads": 6,
      "group_query_attention": true, "num_query_groups": 2, "kv_channels": 16,
      "seq_length": 64, "max_position_embeddings": 512,
      "vocab_size": 300, "padded_vocab_size": 384, "make_vocab_size_divisible_by": 128,
      "normalization": "RMSNorm", "norm_epsilon": 1e-6, "apply_layernorm_1p": false,
      "swiglu": true, "squared_relu": false, "quick_geglu": false, "add_bias_linear": false,
      "untie_embeddings_and_output_weights": true, "position_embedding_type": "rope",
      "rotary_base": 50000, "rotary_percent": 1.0, "rotary_scaling_factor": 1.0,
      "use_rope_scaling": false, "rope_scaling_factor": 8.0, "init_method_std": 0.01,
      "num_experts": null, "spec": null, "hybrid_mlp_ratio": 0.0, "lr": 0.001,
      "bf16": true, "fp16": false, "params_dtype": {"_target_": "torch.bfloat16"}})",
                         "the arguments");
  const Tree change = parse_json(changes, "the change");
  for (const Tree::Entry& entry : change.entries()) {
    args.erase(entry.key);
    if (entry.value != Tree("absent")) args.set(entry.key, entry.value);
  }
  return args;
}

RunConfig read(const std::string& changes = "{}") {
  return read_megatron_args(arguments(changes), "common.pt");
}
Arch arch(const std::string& changes) { return read(changes).model.arch; }

TEST(MegatronArgs, AreTheSettingsThatRunConfigHas) {
  const RunConfig config = read();
  const Arch& arch = config.model.arch;
  EXPECT_EQ(arch.hidden, 96);
  EXPECT_EQ(arch.max_positions, 512);  // the model's, not the training's length
  EXPECT_EQ(arch.vocab, 384);
  EXPECT_EQ(config.model.vocab_multiple, 1);
  EXPECT_FALSE(arch.tied);
  EXPECT_EQ(arch.norm, (Norm{.kind = Norm::Kind::rms, .eps = 1e-6, .zero_centred = false}));
  EXPECT_EQ(arch.rope, (Rope{.theta = 50000}));
  EXPECT_EQ(arch.init_std, 0.01);
  EXPECT_EQ(config.model.dtype, "bfloat16");
  ASSERT_EQ(arch.layers.size(), 3u);
  EXPECT_EQ(std::get<Gqa>(arch.layers[1].mixer), (Gqa{.heads = 6, .kv_heads = 2, .head_dim = 16}));
  EXPECT_EQ(std::get<Mlp>(arch.layers[1].feed_forward), Mlp{.width = 152});
  // No class says which.
  EXPECT_THAT(config.families, ElementsAre("llama", "mistral"));
}

TEST(MegatronArgs, HaveTheNamesOfTheirTime) {
  EXPECT_EQ(arch(R"({"norm_epsilon": "absent", "layernorm_epsilon": 1e-4})").norm.eps, 1e-4);
  EXPECT_EQ(arch(R"({"layernorm_epsilon": 1e-4})").norm.eps, 1e-6);  // the older one counts
  EXPECT_TRUE(arch(R"({"apply_layernorm_1p": true})").norm.zero_centred);
  EXPECT_TRUE(arch(R"({"apply_layernorm_1p": "absent", "layernorm_zero_centered_gamma": true})")
                  .norm.zero_centred);
  EXPECT_TRUE(arch(R"({"add_bias_linear": true})").first<Mlp>().bias);
  EXPECT_FALSE(arch(R"({"add_bias_linear": true, "disable_bias_linear": true})").first<Mlp>().bias);
}

TEST(MegatronArgs, AreSwitchesInPlaceOfNumbers) {
  EXPECT_EQ(
      arch(R"({"group_query_attention": false, "num_query_groups": 1})").first<Gqa>().kv_heads, 6);
  EXPECT_TRUE(arch(R"({"untie_embeddings_and_output_weights": false})").tied);
  const auto feed_forward = [](const char* changes) {
    const Mlp mlp = arch(changes).first<Mlp>();
    return std::pair(mlp.activation, mlp.gated);
  };
  EXPECT_EQ(feed_forward("{}"), std::pair(Activation::silu, true));
  EXPECT_EQ(feed_forward(R"({"swiglu": false})"), std::pair(Activation::gelu, false));
  EXPECT_EQ(feed_forward(R"({"swiglu": false, "squared_relu": true})"),
            std::pair(Activation::relu2, false));
  EXPECT_EQ(feed_forward(R"({"swiglu": false, "quick_geglu": true})"),
            std::pair(Activation::quick_gelu, true));
}

TEST(MegatronArgs, ScaleRopeByEightWhateverTheySay) {
  const Rope rope = arch(R"({"use_rope_scaling": true})").rope;
  ASSERT_TRUE(rope.scaling);
  EXPECT_EQ(rope.scaling->kind, RopeScaling::Kind::llama3);
  EXPECT_EQ(rope.scaling->factor, 8);
  EXPECT_EQ(rope.scaling->original_length, 8192);
  EXPECT_FALSE(arch(R"({"rope_scaling_factor": 32.0})").rope.scaling);
}

TEST(MegatronArgs, CountTheKeysBeforeAQuery) {
  const RunConfig config = read(R"({"window_size": [7, 0], "window_attn_skip_freq": null})");
  EXPECT_EQ(config.model.arch.first<Gqa>().window, 8);
  EXPECT_THAT(config.families, ElementsAre("mistral"));
}

TEST(MegatronArgs, SayWhichLayersHaveExperts) {
  const RunConfig config = read(R"({"num_experts": 8, "moe_ffn_hidden_size": 40,
      "moe_layer_freq": [0, 1, 1], "moe_router_topk": 2, "qk_layernorm": true,
      "moe_router_load_balancing_type": ["seq_aux_loss", "global_aux_loss"],
      "moe_aux_loss_coeff": [0.25, 0.5]})");
  EXPECT_EQ(std::get<Mlp>(config.model.arch.layers[0].feed_forward), Mlp{.width = 152});
  const Moe moe = std::get<Moe>(config.model.arch.layers[2].feed_forward);
  EXPECT_EQ(moe.experts, 8);
  EXPECT_EQ(moe.width, 40);
  EXPECT_EQ(moe.balance, Moe::Balance::seq_aux);
  EXPECT_EQ(moe.aux_coefficient, 0.25);
  EXPECT_THAT(config.families, ElementsAre("qwen3_moe"));
}

TEST(MegatronArgs, TellTheFamilyByWhatTheModelIs) {
  EXPECT_THAT(read(R"({"add_qkv_bias": true})").families, ElementsAre("qwen2"));
  EXPECT_THAT(read(R"({"qk_layernorm": true})").families, ElementsAre("qwen3"));
  EXPECT_THAT(read(R"({"swiglu": false, "squared_relu": true})").families, IsEmpty());
}

TEST(MegatronArgs, AreNamedWhereNoFamilyHasThem) {
  const auto unsaid = [](const char* changes) { return read(changes).unsaid; };
  EXPECT_EQ(unsaid("{}"), "");
  EXPECT_EQ(unsaid(R"({"rotary_percent": 0.5})"),
            "args.rotary_percent is 0.5, where llama has 1.0");
  EXPECT_EQ(unsaid(R"({"softmax_scale": 0.3})"), "args.softmax_scale is 0.3, where llama has null");
  EXPECT_EQ(unsaid(R"({"apply_layernorm_1p": true})"), "args.apply_layernorm_1p is true");
  EXPECT_EQ(unsaid(R"({"swiglu": false, "squared_relu": true})"), "args.squared_relu is true");
  EXPECT_EQ(unsaid(R"({"swiglu": false})"), "args.swiglu is false");
}

TEST(MegatronArgs, PadTheVocabularyWhereNoRowsAreSaid) {
  const RunConfig config = read(R"({"padded_vocab_size": null, "tensor_model_parallel_size": 2})");
  EXPECT_EQ(config.model.arch.vocab, 300);
  EXPECT_EQ(config.model.vocab_multiple, 256);
}

TEST(MegatronArgs, AreRefusedByTheirOwnNames) {
  const struct {
    const char *changes, *says;
    Kind kind = Kind::unsupported;
  } rows[] = {
      {R"({"multi_latent_attention": true})", "args.multi_latent_attention is true"},
      {R"({"position_embedding_type": "learned_absolute"})",
       R"(args.position_embedding_type is "learned_absolute": only "rope" is supported)"},
      {R"({"position_embedding_type": "yarn"})", R"(args.position_embedding_type is "yarn")"},
      {R"({"rope_type": "yarn"})", R"(args.rope_type is "yarn")"},
      {R"({"use_rope_scaling": true, "rope_scaling_factor": 32.0})",
       "args.rope_scaling_factor is 32.0"},
      {R"({"rotary_seq_len_interpolation_factor": 4})",
       "args.rotary_seq_len_interpolation_factor is 4"},
      {R"({"rotary_interleaved": true})", "args.rotary_interleaved is true"},
      {R"({"heterogeneous_layers_config_path": "a.json"})",
       R"(args.heterogeneous_layers_config_path is "a.json")"},
      {R"({"mtp_num_layers": 1})", "args.mtp_num_layers is 1"},
      {R"({"spec": ["a", "b"]})", R"(args.spec is ["a", "b"])"},
      {R"({"is_hybrid_model": true})", "args.is_hybrid_model is true"},
      {R"({"hybrid_mlp_ratio": 0.5})", "args.hybrid_mlp_ratio is 0.5"},
      {R"({"hybrid_override_pattern": "M-"})", "args.hybrid_override_pattern"},
      {R"({"use_legacy_models": true})", "args.use_legacy_models is true"},
      {R"({"yaml_cfg": "x.yaml"})", "args.yaml_cfg"},
      {R"({"decoder_num_layers": 3})", "args.decoder_num_layers is 3"},
      {R"({"use_mup": true})", "args.use_mup is true"},
      {R"({"enable_mhc_connections": true})", "args.enable_mhc_connections"},
      {R"({"moe_router_topk_limited_devices": 2})", "args.moe_router_topk_limited_devices is 2"},
      {R"({"moe_mlp_glu_interleave_size": 32})", "args.moe_mlp_glu_interleave_size is 32"},
      {R"({"normalization": "L2Norm"})", "args.normalization is \"L2Norm\""},
      {R"({"num_experts": 8, "moe_router_load_balancing_type": "sinkhorn"})",
       "args.moe_router_load_balancing_type is \"sinkhorn\""},

      {R"({"num_layers": null})", "args.num_layers is missing: it is null", Kind::format},
      // The training's seq_length is another.
      {R"({"max_position_embeddings": "absent"})", "args.max_position_embeddings is missing",
       Kind::format},
      {R"({"max_position_embeddings": null})",
       "args.max_position_embeddings is missing: it is null", Kind::format},
      {R"({"swiglu": "absent"})", "args.swiglu is missing", Kind::format},
      {R"({"swiglu": "yes"})", "args.swiglu is a string", Kind::format},
      {R"({"squared_relu": true})", "args.squared_relu and swiglu cannot both", Kind::format},
      {R"({"untie_embeddings_and_output_weights": "absent"})",
       "args.untie_embeddings_and_output_weights is missing", Kind::format},
      {R"({"position_embedding_type": "absent"})", "args.position_embedding_type is missing",
       Kind::format},
      // Under the names of the arguments, not of the settings.
      {R"({"num_experts": 0})", "args.num_experts is 0", Kind::format},
      {R"({"norm_epsilon": 0.0})", "args.norm_epsilon", Kind::format},
      {R"({"max_position_embeddings": "512"})", "args.max_position_embeddings", Kind::format},
      {R"({"padded_vocab_size": 0})", "args.padded_vocab_size is 0", Kind::format},
      {R"({"params_dtype": {"_target_": "torch.float8_e4m3fn"}})", "torch.float8_e4m3fn"},
  };
  for (const auto& row : rows)
    expect_error(row.kind, {"common.pt: ", row.says}, [&] { read(row.changes); });
  Tree infinite = arguments();
  infinite.set("norm_epsilon", std::numeric_limits<double>::infinity());
  expect_error(Kind::format, {"common.pt: key args.norm_epsilon is inf, no finite number"},
               [&] { read_megatron_args(infinite, "common.pt"); });
  expect_error(Kind::format, {"common.pt"}, [] { read_megatron_args(Tree::list(), "common.pt"); });
  expect_error(Kind::format, {"common.pt"}, [] { read_megatron_args(Tree(), "common.pt"); });
}

}  // namespace
}  // namespace bascule
