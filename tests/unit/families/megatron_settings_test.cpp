// Models that differ from the goldens in one thing: the settings we write for it, what is left of
// it after reading them, and whether Megatron builds the same model as transformers.
//
// The settings were tried on the real Megatron-Core and Bridge: with them, logits equal
// transformers' where no gap is named, and differ where one is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "families/megatron_gaps.h"
#include "families/run_config.h"
#include "unit/families/golden_models.h"

namespace bascule {
namespace {

enum class Kept { all, part };

struct Case {
  const char* name;
  const char* golden;
  const char* change;    // of config.json
  const char* settings;  // among those that we write
  Kept kept;             // of the model, after reading them
  const char* gap;       // a part of the only sentence, or null for none
};

/// For messages of the test framework.
void PrintTo(const Case& a_case, std::ostream* out) { *out << a_case.name; }

#define LLAMA3(length, low, high)                                                                \
  R"({"max_position_embeddings": 4096, "rope_scaling": {"rope_type": "llama3", "factor": 4.0, )" \
  R"("low_freq_factor": )" #low R"(, "high_freq_factor": )" #high                                \
  R"(, "original_max_position_embeddings": )" #length "}}"

constexpr const char* kYarn =
    R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}})";
constexpr const char* kYarnSettings = R"({
    "_target_": "megatron.bridge.models.gpt_oss.gpt_oss_provider.GPTOSSProvider",
    "position_embedding_type": "yarn", "yarn_rotary_scaling_factor": 4.0,
    "yarn_original_max_position_embeddings": 128, "yarn_beta_fast": 32.0, "yarn_beta_slow": 1.0,
    "yarn_correction_range_round_to_int": true, "yarn_mscale": null, "yarn_mscale_all_dim": null,
    "apply_rope_fusion": false, "softmax_type": "vanilla", "glu_linear_offset": 0.0,
    "window_size": null, "window_attn_skip_freq": null, "activation_func_clamp_value": null})";

const Case kCases[] = {
    // rotary positions
    {"Llama3RopeAsMegatrons", "llama", LLAMA3(8192, 1.0, 4.0),
     R"({"rope_scaling": true, "rope_scaling_factor": 4.0, "seq_len_interpolation_factor": null})",
     Kept::all, nullptr},
    {"Llama3RopeOfAnotherLength", "llama", LLAMA3(64, 1.0, 4.0),
     R"({"rope_scaling": true, "rope_scaling_factor": 4.0})", Kept::part,
     "original_max_position_embeddings 64, low_freq_factor 1 and high_freq_factor 4, but "
     "Megatron-Core always takes 8192, 1 and 4"},
    {"Llama3RopeOfOtherFrequencies", "llama", LLAMA3(8192, 2.0, 8.0),
     R"({"rope_scaling": true, "rope_scaling_factor": 4.0})", Kept::part, "low_freq_factor 2"},
    {"LinearRope", "llama", R"({"rope_scaling": {"rope_type": "linear", "factor": 4.0}})",
     R"({"rope_scaling": false, "rope_scaling_factor": 1.0, "seq_len_interpolation_factor": 4.0})",
     Kept::all, nullptr},
    {"LinearRopeOfGemma", "gemma", R"({"rope_scaling": {"rope_type": "linear", "factor": 4.0}})",
     R"({"rope_scaling": false, "seq_len_interpolation_factor": 4.0})", Kept::all, nullptr},
    {"LinearRopeOfGemma3", "gemma3", R"({"rope_scaling": {"rope_type": "linear", "factor": 8.0}})",
     R"({"rope_scaling": false, "rope_scaling_factor": 8.0, "seq_len_interpolation_factor": null,
         "rotary_base": [10000.0, 1000000.0]})",
     Kept::all, nullptr},
    {"DynamicRope", "llama", R"({"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}})",
     R"({"rope_scaling": false, "seq_len_interpolation_factor": null})", Kept::part,
     "texts longer than max_position_embeddings 512"},
    {"Longrope", "llama",
     R"({"rope_scaling": {"rope_type": "longrope", "factor": 4.0, "short_factor": [1, 1, 1, 1, 1, 1, 1, 1],
         "long_factor": [2, 2, 2, 2, 2, 2, 2, 2], "original_max_position_embeddings": 128}})",
     R"({"rope_scaling": false})", Kept::part, "longrope has no counterpart"},
    {"YarnOfLlama", "llama", kYarn, kYarnSettings, Kept::all, nullptr},
    {"YarnOfMistral", "mistral", kYarn, kYarnSettings, Kept::all, nullptr},
    {"YarnOfQwen2", "qwen2", kYarn, kYarnSettings, Kept::all, nullptr},
    {"YarnOfQwen3", "qwen3", kYarn, kYarnSettings, Kept::all, nullptr},
    {"YarnOfOlmoe", "olmoe", kYarn, kYarnSettings, Kept::all, nullptr},
    {"YarnWithScales", "qwen3",
     R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128,
         "mscale": 0.707, "mscale_all_dim": 0.5, "beta_fast": 16, "beta_slow": 2, "truncate": false}})",
     R"({"yarn_mscale": 0.707, "yarn_mscale_all_dim": 0.5, "yarn_beta_fast": 16.0,
         "yarn_beta_slow": 2.0, "yarn_correction_range_round_to_int": false})",
     Kept::all, nullptr},
    {"YarnWithItsFactor", "qwen3",
     R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128,
         "attention_factor": 1.3}})",
     R"({"yarn_mscale_all_dim": 0.0})", Kept::all, nullptr},
    {"YarnWithAFactorForNothing", "qwen3",
     R"({"rope_scaling": {"rope_type": "yarn", "factor": 1.0, "original_max_position_embeddings": 128,
         "attention_factor": 1.3}})",
     R"({"yarn_mscale": null})", Kept::part, "attention_factor 1.3 and factor 1"},
    {"YarnOfGemma", "gemma", kYarn, R"({"position_embedding_type": "rope"})", Kept::part,
     "rope_scaling yarn cannot be set for Megatron Bridge's GemmaModelProvider"},
    {"Llama3RopeOfGemma3", "gemma3", LLAMA3(8192, 1.0, 4.0), R"({"rope_scaling_factor": 1.0})",
     Kept::part, "rope_scaling llama3 cannot be set for Megatron Bridge's Gemma3ModelProvider"},
    {"OneFrequencyOfGemma3", "gemma3", R"({"rope_local_base_freq": 1000000.0})",
     R"({"rotary_base": [1000000.0, 1000000.0]})", Kept::all, nullptr},

    // windows
    {"WindowOfMistral", "mistral", R"({"sliding_window": 8})",
     R"({"window_size": [7, 0], "window_attn_skip_freq": null, "cp_comm_type": "a2a"})", Kept::all,
     nullptr},
    {"WindowOfOneKey", "mistral", R"({"sliding_window": 1})", R"({"window_size": [0, 0]})",
     Kept::all, nullptr},
    {"WindowsOfQwen2", "qwen2",
     R"({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1, "layer_types": null})",
     R"({"window_size": [7, 0], "window_attn_skip_freq": [0, 1, 1]})", Kept::all, nullptr},
    {"WindowsOfQwen3", "qwen3",
     R"({"use_sliding_window": true, "sliding_window": 8,
         "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]})",
     R"({"window_size": [7, 0], "window_attn_skip_freq": [1, 0, 1]})", Kept::all, nullptr},
    {"WindowOfQwen3Moe", "qwen3_moe", R"({"use_sliding_window": true, "sliding_window": 8})",
     R"({"window_size": [7, 0], "window_attn_skip_freq": null})", Kept::all, nullptr},
    {"WindowsOfGemma2", "gemma2", R"({"sliding_window": 8})", R"({"window_size": [8, 0]})",
     Kept::all,
     "sliding_window is 8 in layers 0, 2, 4, ..., but Megatron Bridge's Gemma 2 lets queries of "
     "layers 1, 3, 5, ... (from 0) see 9 keys and does so only when it is given an attention mask: "
     "queries beyond position 7"},
    {"WindowsOfGemma2ThatNeverEnd", "gemma2", R"({"sliding_window": 512})",
     R"({"window_size": [512, 0]})", Kept::all, nullptr},
    {"OtherWindowsOfGemma2", "gemma2",
     R"({"sliding_window": 8, "layer_types": ["full_attention", "full_attention",
         "sliding_attention", "sliding_attention"]})",
     R"({"window_size": [8, 0]})", Kept::part, "sliding_window is 8 in the layers of layer_types"},
    {"WindowsOfGemma3", "gemma3", R"({"sliding_window": 8})",
     R"({"window_size": 7, "interleaved_attn_pattern": [5, 1]})", Kept::all, nullptr},
    {"OtherPatternOfGemma3", "gemma3",
     R"({"sliding_window": 8, "sliding_window_pattern": 3, "_sliding_window_pattern": 3,
         "layer_types": ["sliding_attention", "sliding_attention", "full_attention",
         "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]})",
     R"({"window_size": 7, "interleaved_attn_pattern": [2, 1]})", Kept::all, nullptr},
    {"NoPatternOfGemma3", "gemma3",
     R"({"layer_types": ["full_attention", "sliding_attention", "full_attention",
         "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]})",
     R"({"window_size": 63, "interleaved_attn_pattern": [5, 1]})", Kept::part,
     "layer_types does not repeat"},

    // biases
    {"AllBiases", "llama", R"({"attention_bias": true, "mlp_bias": true})",
     R"({"add_bias_linear": true, "add_qkv_bias": true})", Kept::all, nullptr},
    {"BiasesOfAttention", "llama", R"({"attention_bias": true})",
     R"({"add_bias_linear": false, "add_qkv_bias": true})", Kept::part,
     "the biases of o_proj are left out"},
    {"BiasesOfTheFeedForward", "llama", R"({"mlp_bias": true})", R"({"add_bias_linear": true})",
     Kept::part, "mlp_bias is true and attention_bias is false"},
    {"BiasesOfAttentionWithExperts", "olmoe", R"({"attention_bias": true})",
     R"({"add_bias_linear": false, "add_qkv_bias": true})", Kept::part,
     "the biases of o_proj are left out"},

    // experts
    {"WeightsAsTheyAre", "qwen3_moe", R"({"norm_topk_prob": false})",
     R"({"moe_router_pre_softmax": true})", Kept::all, nullptr},
    {"WeightsThatSumTo1", "olmoe", R"({"norm_topk_prob": true})",
     R"({"moe_router_pre_softmax": false})", Kept::all, nullptr},
    {"OneExpertThatWeighs1", "qwen3_moe", R"({"num_experts_per_tok": 1})",
     R"({"moe_router_topk": 1, "moe_router_pre_softmax": true})", Kept::part,
     "norm_topk_prob is true with 1 expert a token"},
    {"SomeLayersDense", "qwen3_moe", R"({"mlp_only_layers": [1]})",
     R"({"moe_layer_freq": [1, 0, 1], "ffn_hidden_size": 152, "moe_ffn_hidden_size": 40,
         "transformer_layer_spec": {"_args_": [], "_partial_": true, "use_transformer_engine": true,
         "_target_": "megatron.core.models.gpt.gpt_layer_specs.get_gpt_decoder_block_spec"}})",
     Kept::all, nullptr},
    {"LossOfTheRouter", "qwen3_moe", R"({"router_aux_loss_coef": 0.02})",
     R"({"moe_aux_loss_coeff": 0.02, "moe_router_load_balancing_type": "aux_loss"})", Kept::all,
     nullptr},

    // the rest
    {"ClippedQueries", "olmoe", R"({"clip_qkv": 8.0})", "{}", Kept::part,
     "clip_qkv is 8, but Megatron-Core does not clip"},
    {"CappedLogits", "gemma3", R"({"final_logit_softcapping": 30.0})", "{}", Kept::part,
     "final_logit_softcapping is 30, but Megatron Bridge's Gemma3ModelProvider has none"},
    {"CappedScores", "gemma3", R"({"attn_logit_softcapping": 50.0})", "{}", Kept::all,
     nullptr},  // transformers does not cap them either
    {"NoCaps", "gemma2",
     R"({"sliding_window": 512, "attn_logit_softcapping": null, "final_logit_softcapping": null})",
     R"({"attn_logit_softcapping": null, "final_logit_softcapping": null})", Kept::all, nullptr},
    {"ScaleOfScores", "gemma3", R"({"query_pre_attn_scalar": 168})",
     R"({"softmax_scale": 0.0771516749810459595})", Kept::all, nullptr},
    {"ScaleOfScoresOfAHead", "gemma3", R"({"query_pre_attn_scalar": 24})",
     R"({"softmax_scale": 0.20412414523193154})", Kept::all, nullptr},
    {"Silu", "llama", R"({})", R"({"bias_activation_fusion": true})", Kept::all, nullptr},
    {"SiluUnderYarn", "qwen3",
     R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}})",
     R"({"bias_activation_fusion": false})", Kept::all, nullptr},
    {"ExactGelu", "llama", R"({"hidden_act": "gelu"})",
     R"({"activation_func": {"_call_": false, "_target_": "torch.nn.functional.gelu"},
         "bias_activation_fusion": false})",
     Kept::all, nullptr},
    {"TanhGelu", "llama", R"({"hidden_act": "gelu_pytorch_tanh"})",
     R"({"activation_func": {"_call_": false, "_target_": "megatron.core.activations.fast_gelu"},
         "bias_activation_fusion": false})",
     Kept::all, nullptr},
    {"QuickGelu", "llama", R"({"hidden_act": "quick_gelu"})",
     R"({"activation_func": {"_call_": false, "_target_": "megatron.core.fusions.fused_bias_geglu.quick_gelu"},
         "bias_activation_fusion": false})",
     Kept::all, nullptr},
    {"Relu", "llama", R"({"hidden_act": "relu"})",
     R"({"activation_func": {"_call_": false, "_target_": "torch.nn.functional.relu"},
         "bias_activation_fusion": false})",
     Kept::all, nullptr},
    {"SquaredRelu", "llama", R"({"hidden_act": "relu2"})",
     R"({"activation_func": {"_call_": false, "_target_": "megatron.core.activations.squared_relu"},
         "bias_activation_fusion": false})",
     Kept::all, nullptr},
    {"ExactGeluOfGemma", "gemma", R"({"hidden_act": "gelu"})",
     R"({"activation_func": {"_call_": false, "_target_": "torch.nn.functional.gelu"}})", Kept::all,
     nullptr},
    {"OtherNumbers", "llama",
     R"({"initializer_range": 0.006, "rms_norm_eps": 1e-6, "rope_theta": 500000, "vocab_size": 384})",
     R"({"init_method_std": 0.006, "layernorm_epsilon": 1e-6, "rotary_base": 500000.0,
         "vocab_size": 384, "make_vocab_size_divisible_by": 128, "should_pad_vocab": false})",
     Kept::all, nullptr},
};

class Settings : public testing::TestWithParam<Case> {
 protected:
  HfConfig hf_ = changed_golden(GetParam().golden, GetParam().change);
};

TEST_P(Settings, AreWritten) {
  RunConfig config;
  config.model.arch = hf_.arch;
  const Tree ours = parse_yaml(run_config_yaml(*hf_.family, config), "ours");
  const Tree wanted = parse_json(GetParam().settings, "wanted");
  for (const Tree::Entry& entry : wanted.entries()) {
    const Tree* found = ours.find("model")->find(entry.key);
    ASSERT_TRUE(found) << entry.key;
    EXPECT_EQ(brief(found->sorted(), 500), brief(entry.value.sorted(), 500)) << entry.key;
  }
}

TEST_P(Settings, ComeBack) {
  EXPECT_EQ(as_megatron_holds(*hf_.family, hf_.arch) == hf_.arch, GetParam().kept == Kept::all);
  const Arch once = as_megatron_holds(*hf_.family, hf_.arch);
  EXPECT_TRUE(as_megatron_holds(*hf_.family, once) == once);
}

TEST_P(Settings, NameTheGap) {
  const std::vector<std::string> gaps = megatron_gaps(*hf_.family, hf_.arch);
  if (GetParam().gap) {
    ASSERT_EQ(gaps.size(), 1u);
    EXPECT_THAT(gaps[0], testing::HasSubstr(GetParam().gap));
  } else {
    EXPECT_THAT(gaps, testing::IsEmpty());
    EXPECT_EQ(GetParam().kept, Kept::all) << "what is lost must be a gap";
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Settings, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bascule
