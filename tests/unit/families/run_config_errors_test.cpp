// What a run_config.yaml must not say, and what we cannot write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "families/megatron_gaps.h"
#include "families/run_config.h"
#include "unit/expect_error.h"
#include "unit/families/golden_models.h"

namespace bascule {
namespace {

struct Wrong {
  const char* name;
  const char* golden;
  const char* model;  // JSON: what replaces settings of `model:`; null removes one
  Kind kind;
  const char* says;  // besides the file's name
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

const Wrong kWrong[] = {
    {"NoProvider", "llama", R"({"_target_": null})", Kind::format, "model._target_ is missing"},
    {"ProviderIsNoText", "llama", R"({"_target_": 3})", Kind::format, "model._target_"},
    {"UnknownProvider", "llama",
     R"({"_target_": "megatron.bridge.models.glm.glm45_provider.GLM45ModelProvider"})",
     Kind::unsupported, "GLM45ModelProvider"},
    {"ProviderOfAnotherPackage", "llama", R"({"_target_": "os.system"})", Kind::unsupported,
     "os.system"},
    {"Llama4", "llama",
     R"({"_target_": "megatron.bridge.models.llama.llama_provider.Llama4ModelProvider"})",
     Kind::unsupported, "Llama4ModelProvider"},
    {"Qwen3Next", "qwen3",
     R"({"_target_": "megatron.bridge.models.qwen.qwen_provider.Qwen3NextModelProvider"})",
     Kind::unsupported, "Qwen3NextModelProvider"},
    {"Builder", "llama", R"({"_builder_": "megatron.bridge.models.Builder"})", Kind::unsupported,
     "newer Megatron Bridge"},

    {"NoLayers", "llama", R"({"num_layers": null})", Kind::format, "model.num_layers is missing"},
    {"ZeroLayers", "llama", R"({"num_layers": 0})", Kind::format, "model.num_layers"},
    {"TooManyLayers", "llama", R"({"num_layers": 1000000000})", Kind::unsupported,
     "model.num_layers is 1000000000; at most 1024"},
    {"LayersAreText", "llama", R"({"num_layers": "3"})", Kind::format, "model.num_layers"},
    {"HugeWidth", "llama", R"({"hidden_size": 1099511627776})", Kind::format, "hidden_size"},
    {"NegativeWidth", "llama", R"({"ffn_hidden_size": -1})", Kind::format, "ffn_hidden_size"},
    {"NoVocabulary", "llama", R"({"vocab_size": 0})", Kind::format, "vocab_size"},
    {"PaddedToNothing", "llama", R"({"make_vocab_size_divisible_by": 0})", Kind::format,
     "make_vocab_size_divisible_by"},
    {"NoRanks", "llama", R"({"tensor_model_parallel_size": 0})", Kind::format,
     "tensor_model_parallel_size"},
    {"PaddedBeyondSense", "llama",
     R"({"should_pad_vocab": true, "make_vocab_size_divisible_by": 1073741824,
         "tensor_model_parallel_size": 1073741824})",
     Kind::format, "make_vocab_size_divisible_by"},
    {"HeadsDoNotDivide", "llama", R"({"num_query_groups": 4})", Kind::format,
     "num_query_groups is 4, which does not divide the 6 heads"},
    {"NoEpsilon", "llama", R"({"layernorm_epsilon": 0})", Kind::format, "layernorm_epsilon"},
    {"NotANumber", "llama", R"({"init_method_std": "wide"})", Kind::format, "init_method_std"},

    {"NoType", "llama", R"({"params_dtype": null})", Kind::format, "params_dtype is missing"},
    {"UnknownType", "llama",
     R"({"params_dtype": {"_call_": false, "_target_": "torch.float8_e4m3fn"}})", Kind::unsupported,
     "torch.float8_e4m3fn"},
    {"BothHalves", "llama", R"({"fp16": true})", Kind::format, "bf16 cannot both"},
    {"NoActivation", "llama", R"({"activation_func": null})", Kind::format,
     "activation_func is missing"},
    {"ActivationIsText", "llama", R"({"activation_func": "silu"})", Kind::format,
     "activation_func"},
    {"UnknownActivation", "llama", R"({"activation_func": {"_target_": "torch.tanh"}})",
     Kind::unsupported, "torch.tanh"},
    {"UnknownNorm", "llama", R"({"normalization": "L2Norm"})", Kind::unsupported, "L2Norm"},
    {"Offset", "llama", R"({"glu_linear_offset": 1.0})", Kind::unsupported, "glu_linear_offset"},
    {"Clamp", "llama", R"({"activation_func_clamp_value": 7.0})", Kind::unsupported,
     "activation_func_clamp_value"},

    {"LearnedPositions", "llama", R"({"position_embedding_type": "learned_absolute"})",
     Kind::unsupported, "learned_absolute"},
    {"YarnAsBridgeSavesIt", "qwen3", R"({"position_embedding_type": "yarn"})", Kind::unsupported,
     "saves none of YaRN's settings"},
    {"YarnOfGemma", "gemma2", R"({"position_embedding_type": "yarn"})", Kind::unsupported,
     "Gemma's classes lack it"},
    {"YarnWithoutLength", "qwen3",
     R"({"position_embedding_type": "yarn", "yarn_rotary_scaling_factor": 4.0})", Kind::format,
     "yarn_original_max_position_embeddings is missing"},
    {"YarnFactorZero", "qwen3",
     R"({"position_embedding_type": "yarn", "yarn_rotary_scaling_factor": 0.0})", Kind::format,
     "yarn_rotary_scaling_factor"},
    {"ScaledTwice", "llama", R"({"seq_len_interpolation_factor": 2.0})", Kind::unsupported,
     "seq_len_interpolation_factor"},
    {"ScaledByZero", "qwen3", R"({"seq_len_interpolation_factor": 0.0})", Kind::unsupported,
     "seq_len_interpolation_factor"},
    {"NegativeTheta", "llama", R"({"rotary_base": -1.0})", Kind::format, "rotary_base"},
    {"TwoThetasOfLlama", "llama", R"({"rotary_base": [1.0, 2.0]})", Kind::format, "rotary_base"},
    {"OneThetaOfGemma3", "gemma3", R"({"rotary_base": 10000})", Kind::format, "rotary_base"},
    {"ThreeThetasOfGemma3", "gemma3", R"({"rotary_base": [1.0, 2.0, 3.0]})", Kind::format,
     "two numbers above 0"},
    {"ZeroThetaOfGemma3", "gemma3", R"({"rotary_base": [0.0, 2.0]})", Kind::format,
     "two numbers above 0"},
    {"Llama3RopeOfGemma3", "gemma3", R"({"rope_scaling": true})", Kind::unsupported,
     "rope_scaling"},
    {"RotaryPercentZero", "llama", R"({"rotary_percent": 0.0})", Kind::format, "rotary_percent"},
    {"NoRopeList", "llama", R"({"no_rope_freq": [1, 0]})", Kind::format,
     "no_rope_freq has 2 entries for 3 layers"},
    {"Interleaved", "llama", R"({"rotary_interleaved": true})", Kind::unsupported,
     "rotary_interleaved"},

    {"WindowOfOneSide", "mistral", R"({"window_size": [8]})", Kind::format, "window_size"},
    {"WindowIsANumber", "mistral", R"({"window_size": 8})", Kind::format, "window_size"},
    {"WindowIsAPair", "gemma3", R"({"window_size": [8, 0]})", Kind::format, "window_size"},
    {"WindowAhead", "mistral", R"({"window_size": [8, 1]})", Kind::unsupported, "window_size"},
    {"WindowNegative", "mistral", R"({"window_size": [-5, 0]})", Kind::format, "window_size"},
    {"WindowOfNothing", "mistral", R"({"window_size": [0, 0]})", Kind::format, "window_size"},
    {"WindowHuge", "mistral", R"({"window_size": [9223372036854775807, 0]})", Kind::format,
     "window_size"},
    {"WindowMissing", "gemma3", R"({"window_size": null})", Kind::format, "window_size"},
    {"SkipList", "mistral", R"({"window_size": [8, 0], "window_attn_skip_freq": [1]})",
     Kind::format, "window_attn_skip_freq has 1 entries for 3 layers"},
    {"SkipZero", "mistral", R"({"window_size": [8, 0], "window_attn_skip_freq": 0})", Kind::format,
     "window_attn_skip_freq"},
    {"PatternOfOne", "gemma3", R"({"interleaved_attn_pattern": [5]})", Kind::format,
     "interleaved_attn_pattern"},
    {"PatternNegative", "gemma3", R"({"interleaved_attn_pattern": [-2, 1]})", Kind::format,
     "interleaved_attn_pattern"},
    {"PatternOfNothing", "gemma3", R"({"interleaved_attn_pattern": [0, 0]})", Kind::format,
     "interleaved_attn_pattern"},
    {"PatternHuge", "gemma3",
     R"({"interleaved_attn_pattern": [9223372036854775807, 9223372036854775807]})", Kind::format,
     "interleaved_attn_pattern"},
    {"ScaleZero", "gemma3", R"({"softmax_scale": 0.0})", Kind::format, "softmax_scale"},
    {"ScalarNegative", "gemma2", R"({"query_pre_attn_scalar": -20})", Kind::format,
     "query_pre_attn_scalar"},
    {"OffByOne", "llama", R"({"softmax_type": "off-by-one"})", Kind::unsupported, "off-by-one"},

    {"NoExperts", "qwen3_moe", R"({"num_moe_experts": 0})", Kind::format, "num_moe_experts"},
    {"TooManyExperts", "qwen3_moe", R"({"num_moe_experts": 1073741824})", Kind::unsupported,
     "1073741824 experts"},
    {"MoreThanAllExperts", "qwen3_moe", R"({"moe_router_topk": 9})", Kind::format, "9 experts"},
    {"ExpertsWithoutWidth", "qwen3_moe", R"({"moe_ffn_hidden_size": 0})", Kind::format,
     "moe_ffn_hidden_size"},
    {"NegativeShared", "qwen3_moe", R"({"moe_shared_expert_intermediate_size": -80})", Kind::format,
     "sizes of experts"},
    {"ExpertsOfTooFewLayers", "qwen3_moe", R"({"moe_layer_freq": [1, 0]})", Kind::format,
     "moe_layer_freq has 2 entries for 3 layers"},
    {"ExpertsOfNoLayer", "qwen3_moe", R"({"moe_layer_freq": 0})", Kind::format, "moe_layer_freq"},
    {"UnknownScore", "qwen3_moe", R"({"moe_router_score_function": "sqrtsoftplus"})",
     Kind::unsupported, "sqrtsoftplus"},
    {"UnknownBalance", "qwen3_moe", R"({"moe_router_load_balancing_type": "sinkhorn"})",
     Kind::unsupported, "sinkhorn"},
    {"LatentExperts", "qwen3_moe", R"({"moe_latent_size": 64})", Kind::unsupported,
     "moe_latent_size"},

    {"LatentAttention", "llama", R"({"multi_latent_attention": true})", Kind::unsupported,
     "multi_latent_attention"},
    {"MultiTokenPrediction", "llama", R"({"mtp_num_layers": 1})", Kind::unsupported,
     "mtp_num_layers"},
    {"Hybrid", "llama", R"({"is_hybrid_model": true})", Kind::unsupported, "is_hybrid_model"},
    {"Heterogeneous", "llama", R"({"heterogeneous_block_specs": true})", Kind::unsupported,
     "heterogeneous_block_specs"},
    {"PostNorm", "llama", R"({"apply_residual_connection_post_layernorm": true})",
     Kind::unsupported, "apply_residual_connection_post_layernorm"},
    {"Vision", "gemma3", R"({"is_vision_language": true})", Kind::unsupported,
     "is_vision_language"},
    {"LinearAttention", "llama", R"({"linear_attention_freq": 4})", Kind::unsupported,
     "linear_attention_freq"},
    {"MultimodalRope", "llama", R"({"mrope_section": [16, 24, 24]})", Kind::unsupported,
     "mrope_section"},
};

class WrongRunConfig : public testing::TestWithParam<Wrong> {};

TEST_P(WrongRunConfig, IsRefused) {
  const Wrong& wrong = GetParam();
  const std::string file = golden_run_config(wrong.golden);
  Tree root = parse_yaml(read_text(file), file);
  Tree& model = *root.find("model");
  const Tree change = parse_json(wrong.model, "the change");
  for (const Tree::Entry& entry : change.entries()) model.set(entry.key, entry.value);
  expect_error(wrong.kind, {"wrong/run_config.yaml", wrong.says},
               [&] { read_run_config(to_yaml(root), "wrong/run_config.yaml"); });
}

INSTANTIATE_TEST_SUITE_P(Table, WrongRunConfig, testing::ValuesIn(kWrong),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(RunConfigErrors, TextsThatAreNoRunConfig) {
  const struct {
    const char* text;
    Kind kind;
    const char* says;
  } rows[] = {
      {"", Kind::format, "f.yaml"},
      {"- model", Kind::format, "f.yaml"},
      {"model", Kind::format, "f.yaml"},
      {"model: [", Kind::format, "f.yaml"},
      {"checkpoint: {save_optim: false}", Kind::format, "the section model is missing"},
      {"model: null", Kind::format, "the section model is missing"},
      {"model: [1]", Kind::format, "model"},
      {"model: {}", Kind::format, "model._target_ is missing"},
      {"model: !!python/object:os.system {}", Kind::format, "f.yaml"},
      {"bascule: {family: llama, version: 2}\nmodel: {}", Kind::unsupported,
       "bascule.version is 2"},
      {"bascule: [llama]\nmodel: {}", Kind::format, "bascule"},
      {"bascule: {version: 1}\nmodel: {}", Kind::format, "bascule.family is missing"},
  };
  for (const auto& row : rows)
    expect_error(row.kind, {"f.yaml", row.says}, [&] { read_run_config(row.text, "f.yaml"); });
}

TEST(RunConfigErrors, ModelsThatHaveNoSettings) {
  const HfConfig llama = read_golden("llama");
  const auto refused = [&](const char* says, auto&& change) {
    RunConfig config;
    config.model.arch = llama.arch;
    change(config.model.arch);
    expect_error(Kind::unsupported, {says}, [&] { run_config_yaml(*llama.family, config); });
  };
  refused("kind of model", [](Arch& arch) { arch.mtp.emplace(); });
  refused("kind of model", [](Arch& arch) { arch.vision.emplace(); });
  refused("kind of model", [](Arch& arch) { arch.hybrid = true; });
  refused("kind of model", [](Arch& arch) { arch.layers.clear(); });
  refused("layer 1 is not", [](Arch& arch) { arch.layers[1].mixer = Mla{}; });
  refused("layer 2 is not", [](Arch& arch) { arch.layers[2].feed_forward = {}; });
  refused("layer 2 has other sizes",
          [](Arch& arch) { std::get<Mlp>(arch.layers[2].feed_forward).width = 80; });
  refused("layer 1 has other sizes",
          [](Arch& arch) { std::get<Gqa>(arch.layers[1].mixer).kv_heads = 3; });
  refused("cannot build", [](Arch& arch) { arch.scaled_embedding = true; });
  refused("cannot build", [](Arch& arch) { arch.sandwich = true; });
}

TEST(RunConfigErrors, FamiliesThatAreOnlyPlanned) {
  const Family& family = family_named("nemotron_h", true);
  expect_error(Kind::unsupported, {family.provider},
               [&] { megatron_gaps(family, read_golden("llama").arch); });
  expect_error(Kind::unsupported, {family.provider},
               [&] { as_megatron_holds(family, read_golden("llama").arch); });
}

}  // namespace
}  // namespace bascule
