// What files of others say: trainings with Megatron Bridge, other spellings, other families.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "families/megatron_gaps.h"
#include "families/run_config.h"
#include "unit/families/golden_models.h"

namespace bascule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What a golden's run_config.yaml says once some settings of its model are others.
RunConfig changed(const std::string& golden, const char* json) {
  const std::string file = golden_run_config(golden);
  Tree root = parse_yaml(read_text(file), file);
  const Tree change = parse_json(json, "the change");
  for (const Tree::Entry& entry : change.entries()) root.find("model")->set(entry.key, entry.value);
  return read_run_config(to_yaml(root), file);
}

std::vector<std::optional<int64_t>> windows(const Arch& arch) {
  std::vector<std::optional<int64_t>> all;
  for (const Layer& layer : arch.layers) all.push_back(std::get<Gqa>(layer.mixer).window);
  return all;
}

TEST(RunConfigReading, ProvidersOfSizesTellTheFamily) {
  const auto families = [](const std::string& golden, const std::string& target) {
    return changed(golden, (R"({"_target_": "megatron.bridge.models.)" + target + "\"}").c_str())
        .families;
  };
  EXPECT_THAT(families("llama", "llama.llama_provider.Llama31ModelProvider8B"),
              ElementsAre("llama"));
  EXPECT_THAT(families("llama", "llama.llama_provider.LlamaModelProvider"), ElementsAre("llama"));
  EXPECT_THAT(families("qwen2", "qwen.qwen_provider.Qwen25ModelProvider1P5B"),
              ElementsAre("qwen2"));
  EXPECT_THAT(families("qwen3", "qwen.qwen_provider.Qwen3ModelProvider600M"), ElementsAre("qwen3"));
  EXPECT_THAT(families("qwen3_moe", "qwen.qwen_provider.Qwen3MoEModelProvider30B_A3B"),
              ElementsAre("qwen3_moe"));
  EXPECT_THAT(families("mistral", "mistral.mistral_provider.MistralSmall3ModelProvider24B"),
              ElementsAre("mistral"));
  EXPECT_THAT(families("gemma", "gemma.gemma_provider.CodeGemmaModelProvider7B"),
              ElementsAre("gemma"));
  EXPECT_THAT(families("gemma3", "gemma.gemma3_provider.Gemma3ModelProvider1B"),
              ElementsAre("gemma3"));
}

TEST(RunConfigReading, TheGeneralProviderTellsByWhatTheModelIs) {
  const auto families = [](const std::string& golden, const char* json) {
    return changed(golden, json).families;
  };
  EXPECT_THAT(families("llama", R"({"tie_word_embeddings": true, "hf_model_id": null})"),
              ElementsAre("llama"));
  EXPECT_THAT(families("llama", R"({"add_qkv_bias": true})"), ElementsAre("qwen2"));
  EXPECT_THAT(families("llama", R"({"add_bias_linear": true})"), ElementsAre("llama"));
  EXPECT_THAT(families("llama", R"({"qk_layernorm": true})"), ElementsAre("qwen3"));
  // Settings of the training say nothing.
  EXPECT_THAT(families("qwen3_moe", R"({"moe_router_load_balancing_type": "global_aux_loss"})"),
              ElementsAre("qwen3_moe"));
  // A window over all layers: Llama has none, and Qwen2 has biases.
  EXPECT_THAT(families("llama", R"({"window_size": [64, 0]})"), IsEmpty());
  EXPECT_THAT(families("llama", R"({"normalization": "LayerNorm"})"), IsEmpty());
  EXPECT_THAT(families("llama", R"({"gated_linear_unit": false})"), IsEmpty());
  EXPECT_THAT(families("llama", R"({"no_rope_freq": [0, 0, 1]})"), IsEmpty());
}

TEST(RunConfigReading, SettingsThatNoFamilyHasAreNamed) {
  const auto unsaid = [](const char* json) { return changed("llama", json).unsaid; };
  EXPECT_EQ(unsaid("{}"), "");
  EXPECT_EQ(unsaid(R"({"softmax_scale": 0.125})"),
            "model.softmax_scale is 0.125, where llama has null");
  EXPECT_EQ(unsaid(R"({"gated_linear_unit": false, "attention_output_gate": true})"),
            "model.attention_output_gate is true, where llama has false; "
            "model.gated_linear_unit is false, where llama has true");
}

TEST(RunConfigReading, OurSectionTellsWhereTheProviderDoesNot) {
  const HfConfig yarn = changed_golden("qwen3", R"({"rope_scaling": {"rope_type": "yarn",
      "factor": 4.0, "original_max_position_embeddings": 128}})");
  RunConfig config;
  config.model.arch = yarn.arch;
  const RunConfig read = read_run_config(run_config_yaml(*yarn.family, config), "ours");
  EXPECT_THAT(read.families, ElementsAre("qwen3"));
  EXPECT_TRUE(read.model.arch == yarn.arch);
}

TEST(RunConfigReading, WindowsAreCountedAsTheWriterDid) {
  using W = std::optional<int64_t>;
  EXPECT_THAT(windows(changed("mistral", R"({"window_size": [8, 0]})").model.arch),
              ElementsAre(W(8), W(8), W(8)));
  EXPECT_THAT(windows(changed("mistral", R"({"window_size": [8, -1]})").model.arch),
              ElementsAre(W(8), W(8), W(8)));
  EXPECT_THAT(windows(changed("mistral", R"({"window_size": [-1, 0]})").model.arch),
              ElementsAre(W(), W(), W()));
  EXPECT_THAT(
      windows(
          changed("mistral", R"({"window_size": [8, 0], "window_attn_skip_freq": 2})").model.arch),
      ElementsAre(W(8), W(), W(8)));
  EXPECT_THAT(
      windows(changed("mistral", R"({"window_size": [8, 0], "window_attn_skip_freq": [0, 0, 1]})")
                  .model.arch),
      ElementsAre(W(), W(), W(8)));
  EXPECT_THAT(windows(changed("mistral", R"({"window_attn_skip_freq": 2})").model.arch),
              ElementsAre(W(), W(), W()));
  EXPECT_THAT(windows(changed("gemma2", R"({"window_size": null})").model.arch),
              ElementsAre(W(), W(), W(), W()));
  // One layer without a window is the last of each 3, however the pattern divides these.
  EXPECT_THAT(windows(changed("gemma3", R"({"interleaved_attn_pattern": [1, 2]})").model.arch),
              ElementsAre(W(64), W(64), W(), W(64), W(64), W(), W(64)));
  EXPECT_THAT(windows(changed("gemma3", R"({"interleaved_attn_pattern": [0, 1],
                                             "window_size": null})")
                          .model.arch),
              ElementsAre(W(), W(), W(), W(), W(), W(), W()));
}

TEST(RunConfigReading, VocabularyIsPaddedForTheRanks) {
  EXPECT_EQ(changed("llama", R"({"should_pad_vocab": true})").model.vocab_multiple, 1);
  EXPECT_EQ(changed("llama", R"({"should_pad_vocab": true, "make_vocab_size_divisible_by": 128,
                                 "tensor_model_parallel_size": 4})")
                .model.vocab_multiple,
            512);
  EXPECT_EQ(changed("llama", R"({"make_vocab_size_divisible_by": 128})").model.vocab_multiple, 1);

  RunConfig config;
  config.model.arch = read_golden("gemma").arch;
  config.model.vocab_multiple = 96;
  const std::string text = run_config_yaml(family_named("gemma"), config);
  const Tree ours = parse_yaml(text, "ours");
  EXPECT_EQ(*ours.at("model.vocab_size"), Tree(259));
  EXPECT_EQ(*ours.at("model.should_pad_vocab"), Tree(true));
  EXPECT_EQ(*ours.at("model.make_vocab_size_divisible_by"), Tree(96));
  EXPECT_EQ(read_run_config(text, "ours").model.vocab_multiple, 96);
}

TEST(RunConfigReading, TypesOfParameters) {
  EXPECT_EQ(changed("llama", "{}").model.dtype, "bfloat16");
  EXPECT_EQ(changed("llama", R"({"bf16": false})").model.dtype, "bfloat16");
  EXPECT_EQ(changed("llama", R"({"params_dtype": {"_target_": "torch.float32"}})").model.dtype,
            "bfloat16");
  EXPECT_EQ(changed("llama", R"({"bf16": false, "fp16": true})").model.dtype, "float16");
  EXPECT_EQ(changed("llama", R"({"bf16": false, "params_dtype": {"_target_": "torch.float32"}})")
                .model.dtype,
            "float32");
  for (const char* dtype : {"float32", "float16", "bfloat16"}) {
    RunConfig config;
    config.model.arch = read_golden("llama").arch;
    config.model.dtype = dtype;
    const std::string text = run_config_yaml(family_named("llama"), config);
    EXPECT_EQ(read_run_config(text, "ours").model.dtype, dtype);
    EXPECT_EQ(*parse_yaml(text, "ours").at("model.params_dtype._target_"),
              Tree(std::string("torch.") + dtype));
  }
}

TEST(RunConfigReading, ExpertsOfSomeLayers) {
  const auto sparse = [](const char* json) {
    std::vector<bool> found;
    for (const Layer& layer : changed("qwen3_moe", json).model.arch.layers)
      found.push_back(std::holds_alternative<Moe>(layer.feed_forward));
    return found;
  };
  EXPECT_THAT(sparse(R"({"moe_layer_freq": 2})"), ElementsAre(true, false, true));
  EXPECT_THAT(sparse(R"({"moe_layer_freq": [0, 1, 1]})"), ElementsAre(false, true, true));
  const Arch arch = changed("qwen3_moe", R"({"moe_layer_freq": 2})").model.arch;
  EXPECT_EQ(arch.first<Mlp>().width, 152);
  EXPECT_EQ(arch.first<Moe>().width, 40);
}

TEST(RunConfigReading, ExpertsAsOtherModelsHaveThem) {
  const Arch arch = changed("qwen3_moe", R"({"moe_router_score_function": "sigmoid",
      "moe_router_pre_softmax": true, "moe_router_topk_scaling_factor": 2.5,
      "moe_router_num_groups": 4, "moe_router_group_topk": 2,
      "moe_router_enable_expert_bias": true, "moe_shared_expert_intermediate_size": 80,
      "moe_shared_expert_gate": true, "moe_router_load_balancing_type": "none"})")
                        .model.arch;
  const Moe moe = arch.first<Moe>();
  EXPECT_EQ(moe.score, Moe::Score::sigmoid);
  EXPECT_TRUE(moe.norm_top_k);
  EXPECT_EQ(moe.routed_scale, 2.5);
  EXPECT_EQ(moe.groups, 4);
  EXPECT_EQ(moe.group_top_k, 2);
  EXPECT_TRUE(moe.expert_bias);
  EXPECT_EQ(moe.shared_width, 80);
  EXPECT_TRUE(moe.shared_gate);
  EXPECT_EQ(moe.balance, Moe::Balance::none);
  EXPECT_TRUE(as_megatron_holds(family_named("qwen3_moe"), arch) == arch);
}

TEST(RunConfigReading, FactsThatNoFamilyOfOursHas) {
  Arch arch = changed("llama", R"({"attention_output_gate": true, "softmax_type": "learnable",
      "softmax_scale": 0.125, "no_rope_freq": [0, 1, 0], "rotary_percent": 0.5})")
                  .model.arch;
  const Gqa attention = arch.first<Gqa>();
  EXPECT_TRUE(attention.output_gate);
  EXPECT_TRUE(attention.sinks);
  EXPECT_EQ(attention.query_scalar, 64);
  EXPECT_FALSE(std::get<Gqa>(arch.layers[1].mixer).rope);
  EXPECT_TRUE(std::get<Gqa>(arch.layers[2].mixer).rope);
  EXPECT_EQ(arch.rope.percent, 0.5);
  EXPECT_TRUE(as_megatron_holds(family_named("llama"), arch) == arch);
  EXPECT_THAT(megatron_gaps(family_named("llama"), arch), IsEmpty());

  std::get<Gqa>(arch.layers[0].mixer).window = 4;
  std::get<Gqa>(arch.layers[1].mixer).window = 8;
  EXPECT_THAT(megatron_gaps(family_named("llama"), arch),
              ElementsAre(testing::HasSubstr("windows of 4 and 8 keys")));
  arch.rope.local_theta = 5000;
  EXPECT_THAT(megatron_gaps(family_named("llama"), arch),
              testing::Contains(testing::HasSubstr("layers with a window have rope_theta 5000")));
}

TEST(RunConfigReading, NeedsNeitherTokenizerNorModelId) {
  RunConfig config;
  config.model.arch = read_golden("llama").arch;
  const std::string text = run_config_yaml(family_named("llama"), config);
  const RunConfig read = read_run_config(text, "ours");
  EXPECT_FALSE(read.has_tokenizer);
  EXPECT_EQ(read.hf_model_id, "");
  EXPECT_FALSE(parse_yaml(text, "ours").at("model.hf_model_id"));
}

}  // namespace
}  // namespace bascule
