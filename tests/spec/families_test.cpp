#include <gtest/gtest.h>

#include <set>

#include "families/registry.h"
#include "spec/read_text.h"
#include "spec/spelled_tensors.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

TEST(Families, AreToldApart) {
  std::set<std::string> names, architectures, model_types;
  for (const Family& family : families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_TRUE(model_types.insert(family.model_type).second) << family.model_type;
    for (const std::string& architecture : family.architectures)
      EXPECT_TRUE(architectures.insert(architecture).second) << architecture;
    EXPECT_FALSE(family.title.empty());
  }
  EXPECT_EQ(names.size(), 13u);
}

TEST(Families, AreFound) {
  EXPECT_EQ(family_named("gemma3").title, "Gemma 3 (text)");
  EXPECT_EQ(family_of_architecture("Qwen3MoeForCausalLM").name, "qwen3_moe");
  EXPECT_EQ(family_of_architecture("DeepseekV3ForCausalLM", true).name, "deepseek_v3");
}

TEST(Families, AreNotGuessed) {
  expect_error(Kind::unsupported,
               {"the architecture \"LLaMAForCausalLM\" is not supported",
                "did you mean LlamaForCausalLM?", "Supported are LlamaForCausalLM, Mistral"},
               [] { family_of_architecture("LLaMAForCausalLM"); });
  expect_error(Kind::unsupported, {"the architecture \"T5\" is not supported. Supported are"},
               [] { family_of_architecture("T5"); });
  expect_error(Kind::unsupported, {"DeepseekV3ForCausalLM is planned, but not supported yet"},
               [] { family_of_architecture("DeepseekV3ForCausalLM"); });
  expect_error(Kind::unsupported, {"the family \"lama\"", "did you mean llama?"},
               [] { family_named("lama"); });
  expect_error(Kind::unsupported, {"gpt_oss is planned"}, [] { family_named("gpt_oss"); });
  try {
    family_named("x");
    FAIL();
  } catch (const Error& error) {  // planned families are not offered
    EXPECT_EQ(std::string(error.what()).find("gpt_oss"), std::string::npos);
  }
}

TEST(Families, AreFoundByMegatronBridgesProvider) {
  const std::string bridge = "megatron.bridge.models.";
  const auto gemma2s = families_of_provider(bridge + "gemma.gemma2_provider.Gemma2ModelProvider");
  ASSERT_EQ(gemma2s.size(), 1u);
  EXPECT_EQ(gemma2s[0]->name, "gemma2");
  std::set<std::string> general;
  for (const Family* family : families_of_provider(bridge + "gpt_provider.GPTModelProvider"))
    general.insert(family->name);
  EXPECT_EQ(general,
            (std::set<std::string>{"llama", "qwen2", "qwen3", "qwen3_moe", "olmoe", "gpt_oss"}));
  EXPECT_TRUE(families_of_provider("os.system").empty());
}

TEST(Families, BearTheProvidersOfTheGoldens) {
  for (const Family& family : families()) {
    const std::filesystem::path config =
        "tests/golden/" + family.name + "/megatron/iter_0000000/run_config.yaml";
    if (!std::filesystem::exists(config)) continue;
    const Tree tree = parse_yaml(read_text(config), config.string());
    EXPECT_EQ(tree.at("model._target_")->string(), family.provider) << family.name;
  }
}

HfConfig toy_config(const std::string& name) {
  const std::string file = "tests/golden/" + name + "/hf/config.json";
  return read_hf_config(read_text(file), file, {}, true);
}

Dialect dialect_of(const HfConfig& config) {
  return hf_dialect(*config.family, config.arch, slots(config.arch));
}

TEST(Families, NameTheTiedHeadAsAnAlias) {
  const Dialect tied = dialect_of(toy_config("llama_tied"));
  ASSERT_EQ(tied.aliases.size(), 1u);
  EXPECT_EQ(tied.aliases[0].name, "lm_head.weight");
  EXPECT_EQ(tied.aliases[0].of, "model.embed_tokens.weight");
  EXPECT_TRUE(dialect_of(toy_config("llama")).aliases.empty());
  EXPECT_EQ(dialect_of(toy_config("gemma3")).aliases.size(), 1u);
}

TEST(Families, IgnoreRotaryBuffersOnly) {
  for (const char* name : {"llama", "mistral", "qwen3_moe", "gemma2"}) {
    const Dialect dialect = dialect_of(toy_config(name));
    EXPECT_TRUE(dialect.ignores("model.layers.12.self_attn.rotary_emb.inv_freq"));
    EXPECT_FALSE(dialect.ignores("model.layers.x.self_attn.rotary_emb.inv_freq"));
    EXPECT_FALSE(dialect.ignores("model.layers.1.self_attn.rotary_emb.inv_freq2"));
    EXPECT_FALSE(dialect.ignores("model.layers.1.self_attn.q_proj.weight"));
  }
}

TEST(Families, SpellAVisionLanguageModel) {
  const HfConfig config = read_hf_config(R"({
      "architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl",
      "vocab_size": 259, "hidden_size": 96, "num_hidden_layers": 2, "intermediate_size": 152,
      "num_attention_heads": 6, "num_key_value_heads": 2,
      "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
      "vision_config": {"depth": 3, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2,
                        "in_chans": 3, "patch_size": 14, "out_hidden_size": 96}})",
                                         "vl.json", {}, true);
  const TensorShapes tensors = spelled_tensors(config);
  EXPECT_EQ(tensors.at("visual.patch_embed.proj.weight"), (Shape{32, 3, 2, 14, 14}));
  EXPECT_EQ(tensors.at("visual.blocks.2.attn.qkv.bias"), (Shape{96}));
  EXPECT_EQ(tensors.at("visual.blocks.2.norm1.weight"), (Shape{32}));
  EXPECT_EQ(tensors.at("visual.merger.mlp.2.weight"), (Shape{96, 128}));
  EXPECT_EQ(tensors.at("model.layers.1.self_attn.q_proj.bias"), (Shape{96}));
  EXPECT_FALSE(tensors.contains("model.layers.2.self_attn.q_proj.bias"));
}

TEST(Families, SpellExtraPredictionLayers) {
  Tree tree = parse_json(read_text("tests/golden/deepseek_v3/hf/config.json"), "config.json");
  tree.set("num_nextn_predict_layers", 1);
  const HfConfig config = read_hf_config(to_json(tree), "config.json", {}, true);
  const Dialect dialect = dialect_of(config);
  EXPECT_NE(dialect.find("model.layers.3.eh_proj.weight"), nullptr);
  EXPECT_NE(dialect.find("model.layers.3.mlp.experts.7.up_proj.weight"), nullptr);
  EXPECT_EQ(dialect.aliases.size(), 2u);
}

}  // namespace
}  // namespace bascule
