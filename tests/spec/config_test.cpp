// What config.json says, key by key, in the spellings of transformers 4 and 5.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "families/hf_config.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

/// A toy configuration of an architecture, with further keys.
Tree toy(const std::string& architecture, const std::string& more = "{}") {
  Tree tree = parse_json(R"({"vocab_size": 259, "hidden_size": 96, "num_hidden_layers": 4,
                             "num_attention_heads": 6, "num_key_value_heads": 2,
                             "intermediate_size": 152, "max_position_embeddings": 512})",
                         "toy.json");
  tree.set("architectures", Tree::list({architecture}));
  const Tree changes = parse_json(more, "more.json");
  for (const Tree::Entry& entry : changes.entries()) tree.set(entry.key, entry.value);
  return tree;
}

HfConfig read(const std::string& architecture, const std::string& more = "{}",
              const std::vector<std::string>& ignore = {}) {
  return read_hf_config(to_json(toy(architecture, more)), "toy.json", ignore);
}

Gqa attn(const HfConfig& config, size_t layer = 0) {
  return std::get<Gqa>(config.arch.layers.at(layer).mixer);
}

std::vector<int64_t> windows(const HfConfig& config) {
  std::vector<int64_t> all;
  for (size_t i = 0; i < config.arch.layers.size(); ++i)
    all.push_back(attn(config, i).window.value_or(0));
  return all;
}

using testing::ElementsAre;

TEST(Config, DefaultsAreTransformers) {
  const HfConfig llama = read("LlamaForCausalLM");
  EXPECT_EQ(llama.arch.norm.eps, 1e-6);
  EXPECT_EQ(llama.arch.rope, Rope{});
  EXPECT_FALSE(llama.arch.tied);
  EXPECT_EQ(llama.arch.init_std, 0.02);
  EXPECT_EQ(llama.dtype, "");
  EXPECT_EQ(attn(llama), (Gqa{.heads = 6, .kv_heads = 2, .head_dim = 16}));
  EXPECT_EQ(std::get<Mlp>(llama.arch.layers[3].feed_forward), (Mlp{.width = 152}));

  const HfConfig qwen3 = read("Qwen3ForCausalLM");
  EXPECT_EQ(attn(qwen3).head_dim, 128);
  EXPECT_EQ(attn(qwen3).qk_norm, Gqa::QkNorm::per_head);

  const HfConfig gemma2 = read("Gemma2ForCausalLM");
  EXPECT_TRUE(gemma2.arch.tied && gemma2.arch.norm.zero_centred && gemma2.arch.sandwich);
  EXPECT_TRUE(gemma2.arch.scaled_embedding);
  EXPECT_EQ(gemma2.arch.final_soft_cap, 30.0);
  EXPECT_EQ(attn(gemma2).soft_cap, 50.0);
  EXPECT_EQ(attn(gemma2).head_dim, 256);
  EXPECT_FALSE(attn(gemma2).query_scalar);  // 256, as the heads are

  const HfConfig gemma3 = read("Gemma3ForCausalLM");
  EXPECT_EQ(gemma3.arch.rope.theta, 1e6);
  EXPECT_EQ(gemma3.arch.rope.local_theta, 1e4);
  EXPECT_FALSE(attn(gemma3).soft_cap || gemma3.arch.final_soft_cap);

  const HfConfig olmoe = read("OlmoeForCausalLM", R"({"num_key_value_heads": 6})");
  EXPECT_EQ(olmoe.arch.norm.eps, 1e-5);
  EXPECT_EQ(attn(olmoe).qk_norm, Gqa::QkNorm::full_width);
  EXPECT_EQ(std::get<Moe>(olmoe.arch.layers[0].feed_forward), (Moe{.experts = 64,
                                                                   .top_k = 8,
                                                                   .width = 152,
                                                                   .norm_top_k = false,
                                                                   .balance = Moe::Balance::seq_aux,
                                                                   .aux_coefficient = 0.01}));
}

TEST(Config, NullKeyValueHeadsMeanAsManyAsHeads) {
  EXPECT_EQ(attn(read("MistralForCausalLM", R"({"num_key_value_heads": null})")).kv_heads, 6);
  EXPECT_EQ(attn(read("Qwen2ForCausalLM", R"({"num_key_value_heads": null})")).kv_heads, 6);
  Tree absent = toy("MistralForCausalLM", R"({"num_attention_heads": 32})");
  absent.erase("num_key_value_heads");
  EXPECT_EQ(attn(read_hf_config(to_json(absent), "x")).kv_heads, 8);
}

TEST(Config, BiasesAreWhereTransformersPutsThem) {
  const Gqa llama = attn(read("LlamaForCausalLM", R"({"attention_bias": true})"));
  EXPECT_TRUE(llama.qkv_bias && llama.out_bias);
  const Gqa qwen2 = attn(read("Qwen2ForCausalLM"));
  EXPECT_TRUE(qwen2.qkv_bias && !qwen2.out_bias);
  const Gqa qwen3 = attn(read("Qwen3ForCausalLM", R"({"attention_bias": true})"));
  EXPECT_TRUE(qwen3.qkv_bias && qwen3.out_bias);
  const HfConfig mlp = read("LlamaForCausalLM", R"({"mlp_bias": true})");
  EXPECT_TRUE(std::get<Mlp>(mlp.arch.layers[0].feed_forward).bias);
}

TEST(Config, WindowsFollowTransformers) {
  EXPECT_THAT(windows(read("MistralForCausalLM")), ElementsAre(4096, 4096, 4096, 4096));
  EXPECT_THAT(windows(read("MistralForCausalLM", R"({"sliding_window": null})")),
              ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(windows(read("Gemma2ForCausalLM", R"({"sliding_window": 64})")),
              ElementsAre(64, 0, 64, 0));
  EXPECT_THAT(
      windows(read("Gemma3ForCausalLM", R"({"sliding_window": 64, "sliding_window_pattern": 3})")),
      ElementsAre(64, 64, 0, 64));
  EXPECT_THAT(windows(read("Gemma3ForCausalLM", R"({"sliding_window": 64,
                  "layer_types": ["full_attention", "sliding_attention", "full_attention",
                                  "full_attention"]})")),
              ElementsAre(0, 64, 0, 0));
  // Qwen: off unless switched on, and then from a layer on.
  EXPECT_THAT(windows(read("Qwen2ForCausalLM", R"({"sliding_window": 64})")),
              ElementsAre(0, 0, 0, 0));
  const std::string on = R"("use_sliding_window": true, "sliding_window": 64)";
  EXPECT_THAT(windows(read("Qwen2ForCausalLM", "{" + on + "}")), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(windows(read("Qwen2ForCausalLM", "{" + on + R"(, "max_window_layers": 3})")),
              ElementsAre(0, 0, 0, 64));
  EXPECT_THAT(windows(read("Qwen3ForCausalLM", "{" + on + R"(, "layer_types":
                  ["sliding_attention", "full_attention", "full_attention",
                   "sliding_attention"]})")),
              ElementsAre(64, 0, 0, 64));
  EXPECT_THAT(windows(read("Qwen3MoeForCausalLM",
                           "{" + on + R"(, "num_experts": 8, "max_window_layers": 3})")),
              ElementsAre(64, 64, 64, 64));
}

TEST(Config, SparseLayersFollowTransformers) {
  const auto dense = [](const std::string& more) {
    std::string layers;
    const HfConfig config = read("Qwen3MoeForCausalLM", more);
    for (const Layer& layer : config.arch.layers)
      layers += std::holds_alternative<Mlp>(layer.feed_forward) ? 'd' : 'm';
    return layers;
  };
  EXPECT_EQ(dense(R"({"num_experts": 8})"), "mmmm");
  EXPECT_EQ(dense(R"({"num_experts": 8, "mlp_only_layers": [0, 2, 77]})"), "dmdm");
  EXPECT_EQ(dense(R"({"num_experts": 8, "decoder_sparse_step": 2})"), "dmdm");
  EXPECT_EQ(dense(R"({"num_local_experts": 8, "decoder_sparse_step": 3})"), "ddmd");
  const HfConfig config = read("Qwen3MoeForCausalLM", R"({"num_experts": 8, "head_dim": 16,
      "mlp_only_layers": [1], "moe_intermediate_size": 40, "norm_topk_prob": true})");
  EXPECT_EQ(std::get<Mlp>(config.arch.layers[1].feed_forward).width, 152);
  const Moe moe = std::get<Moe>(config.arch.layers[0].feed_forward);
  EXPECT_EQ(moe.width, 40);
  EXPECT_EQ(moe.top_k, 8);
  EXPECT_TRUE(moe.norm_top_k);
  const Tree written = write_hf_config(*config.family, config.arch, "");
  EXPECT_EQ(*written.find("mlp_only_layers"), Tree::list({1}));
}

struct RopeCase {
  const char* json;
  double theta;
  std::optional<RopeScaling> scaling;
};

TEST(Config, RopeIsReadInBothSpellings) {
  using K = RopeScaling::Kind;
  const RopeScaling llama3{.kind = K::llama3,
                           .factor = 8,
                           .original_length = 8192,
                           .low_freq_factor = 1,
                           .high_freq_factor = 4};
  const RopeScaling linear{.kind = K::linear, .factor = 2};
  const RopeCase cases[] = {
      {R"({})", 10000, {}},
      {R"({"rope_theta": 500000})", 500000, {}},
      {R"({"rope_theta": 5e5, "rope_scaling": null})", 500000, {}},
      {R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}})", 500000, {}},
      {R"({"rope_parameters": {"rope_type": "default"}})", 10000, {}},
      {R"({"rope_theta": 7, "rope_parameters": {"rope_type": "default"}})", 7, {}},
      {R"({"rope_theta": 7, "rope_scaling": {}, "rope_parameters": {"rope_type": "linear",
           "factor": 2}})",
       7, linear},
      {R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", 10000, linear},
      {R"({"rope_scaling": {"rope_type": "linear", "type": "linear", "factor": 2}})", 10000,
       linear},
      {R"({"rope_scaling": {"rope_type": "dynamic", "factor": 2.5,
           "original_max_position_embeddings": 128}})",
       10000, RopeScaling{.kind = K::dynamic, .factor = 2.5}},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}})",
       10000, llama3},
      {R"({"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8.0,
           "low_freq_factor": 1.0, "high_freq_factor": 4.0,
           "original_max_position_embeddings": 8192}})",
       500000, llama3},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}})", 10000,
       RopeScaling{.kind = K::yarn, .factor = 4, .original_length = 512}},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": null, "beta_fast": 0,
           "original_max_position_embeddings": 128, "mscale": 1.0, "mscale_all_dim": 0.5,
           "attention_factor": 1.5, "truncate": false, "beta_slow": 2}})",
       10000,
       RopeScaling{.kind = K::yarn,
                   .factor = 4,
                   .original_length = 128,
                   .beta_slow = 2,
                   .mscale = 1,
                   .mscale_all_dim = 0.5,
                   .attention_factor = 1.5,
                   .truncate = false}},
      {R"({"rope_scaling": {"rope_type": "longrope", "short_factor": [1, 2],
           "long_factor": [3.5, 4], "original_max_position_embeddings": 256}})",
       10000,
       RopeScaling{.kind = K::longrope,
                   .factor = 2,
                   .original_length = 256,
                   .short_factors = {1, 2},
                   .long_factors = {3.5, 4}}},
  };
  for (const RopeCase& c : cases) {
    SCOPED_TRACE(c.json);
    for (const char* architecture : {"LlamaForCausalLM", "MistralForCausalLM", "Qwen3ForCausalLM",
                                     "GemmaForCausalLM", "Gemma2ForCausalLM"}) {
      const HfConfig config = read(architecture, c.json);
      EXPECT_EQ(config.arch.rope.theta, c.theta);
      EXPECT_EQ(config.arch.rope.scaling, c.scaling);
      const Tree written = write_hf_config(*config.family, config.arch, "bfloat16");
      EXPECT_EQ(read_hf_config(to_json(written), "again").arch, config.arch);
      // transformers 4 reads only the first two, transformers 5 the last where it is alone.
      Tree four = written, five = written;
      four.erase("rope_parameters");
      five.erase("rope_theta");
      five.erase("rope_scaling");
      EXPECT_EQ(read_hf_config(to_json(four), "four").arch, config.arch);
      EXPECT_EQ(read_hf_config(to_json(five), "five").arch, config.arch);
    }
  }
}

TEST(Config, Gemma3TurnsItsWindowsOtherwise) {
  const char* const four = R"({"rope_theta": 1000000.0, "rope_local_base_freq": 5000,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0}})";
  const char* const five = R"({"rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
      "sliding_attention": {"rope_type": "default", "rope_theta": 5000}}})";
  const HfConfig old = read("Gemma3ForCausalLM", four), now = read("Gemma3ForCausalLM", five);
  EXPECT_EQ(old.arch, now.arch);
  EXPECT_EQ(now.arch.rope.theta, 1e6);
  EXPECT_EQ(now.arch.rope.local_theta, 5000.0);
  EXPECT_EQ(now.arch.rope.scaling, (RopeScaling{.kind = RopeScaling::Kind::linear, .factor = 8}));
  const Tree written = write_hf_config(*now.family, now.arch, "");
  EXPECT_EQ(written.at("rope_parameters.full_attention.factor")->real(), 8.0);
  EXPECT_EQ(written.at("rope_parameters.sliding_attention.rope_theta")->real(), 5000.0);
  EXPECT_EQ(written.at("rope_local_base_freq")->real(), 5000.0);
  const HfConfig same =
      read("Gemma3ForCausalLM", R"({"rope_theta": 7, "rope_local_base_freq": 7})");
  EXPECT_FALSE(same.arch.rope.local_theta);
}

TEST(Config, GemmaComputesWhatHiddenActSays) {
  const auto activation = [](const std::string& more) {
    const HfConfig config = read("GemmaForCausalLM", more);
    return std::get<Mlp>(config.arch.layers[0].feed_forward).activation;
  };
  EXPECT_EQ(activation("{}"), Activation::gelu_tanh);
  EXPECT_EQ(activation(R"({"hidden_act": "gelu"})"), Activation::gelu);
  EXPECT_EQ(activation(R"({"hidden_act": "gelu", "hidden_activation": null})"), Activation::gelu);
  EXPECT_EQ(activation(R"({"hidden_act": "gelu", "hidden_activation": "gelu"})"), Activation::gelu);
  EXPECT_EQ(activation(R"({"hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh"})"),
            Activation::gelu);
  EXPECT_EQ(activation(R"({"hidden_act": "gelu_pytorch_tanh"})"), Activation::gelu_tanh);
}

TEST(Config, QueryScalarIsWrittenAsAnInteger) {
  const HfConfig config =
      read("Gemma2ForCausalLM", R"({"head_dim": 24, "query_pre_attn_scalar": 20})");
  EXPECT_EQ(attn(config).query_scalar, 20.0);
  const Tree written = write_hf_config(*config.family, config.arch, "");
  EXPECT_EQ(*written.find("query_pre_attn_scalar"), Tree(20));
}

TEST(Config, DtypeIsReadInBothSpellings) {
  const auto dtype = [](const std::string& more) { return read("LlamaForCausalLM", more).dtype; };
  EXPECT_EQ(dtype(R"({"torch_dtype": "bfloat16"})"), "bfloat16");
  EXPECT_EQ(dtype(R"({"dtype": "float16"})"), "float16");
  EXPECT_EQ(dtype(R"({"torch_dtype": "float32", "dtype": "bfloat16"})"), "bfloat16");
  EXPECT_EQ(dtype(R"({"torch_dtype": "torch.float32"})"), "float32");
  EXPECT_EQ(dtype(R"({"torch_dtype": null})"), "");
}

TEST(Config, NeutralKeysAreNoErrors) {
  EXPECT_NO_THROW(read("LlamaForCausalLM", R"({"use_cache": false, "bos_token_id": 1,
      "eos_token_id": [1, 2], "pad_token_id": null, "transformers_version": "4.31.0",
      "_name_or_path": "x", "attention_dropout": 0.0, "pretraining_tp": 1, "is_decoder": false,
      "pruned_heads": {}, "top_k": 50, "rope_interleaved": false, "is_llama_config": true,
      "something_new": null, "model_type": "llama", "quantization_config": null,
      "id2label": {"0": "LABEL_0"}, "max_length": 20, "attention_bias": null})"));
  EXPECT_NO_THROW(read("Qwen2ForCausalLM", R"({"use_mrope": false})"));
  EXPECT_NO_THROW(read("GemmaForCausalLM", R"({"use_bidirectional_attention": null})"));
}

TEST(Config, IgnoredKeysAreAsIfAbsent) {
  const HfConfig config =
      read("LlamaForCausalLM",
           R"({"odd": 3, "rope_scaling": {"type": "linear", "factor": 2, "finetuned": true}})",
           {"odd", "rope_scaling.finetuned"});
  EXPECT_THAT(config.ignored_keys, ElementsAre("odd", "rope_scaling.finetuned"));
  EXPECT_EQ(config.arch.rope.scaling->factor, 2);
  EXPECT_EQ(config.tree.find("odd")->integer(), 3);  // the whole file is kept
  EXPECT_FALSE(read("LlamaForCausalLM", R"({"rope_scaling": {"type": "odd"}})", {"rope_scaling"})
                   .arch.rope.scaling);
  expect_error(Kind::user, {"toy.json", "no key \"vocab_sise\"", "did you mean vocab_size?"},
               [] { read("LlamaForCausalLM", "{}", {"vocab_sise"}); });
}

TEST(Config, WritesWhatTransformersReads) {
  const HfConfig config = read("LlamaForCausalLM", R"({"rope_theta": 500000.0, "torch_dtype":
      "bfloat16", "tie_word_embeddings": true})");
  EXPECT_EQ(hf_config_text(write_hf_config(*config.family, config.arch, config.dtype)), R"({
  "architectures": [
    "LlamaForCausalLM"
  ],
  "attention_bias": false,
  "dtype": "bfloat16",
  "head_dim": 16,
  "hidden_act": "silu",
  "hidden_size": 96,
  "initializer_range": 0.02,
  "intermediate_size": 152,
  "max_position_embeddings": 512,
  "mlp_bias": false,
  "model_type": "llama",
  "num_attention_heads": 6,
  "num_hidden_layers": 4,
  "num_key_value_heads": 2,
  "rms_norm_eps": 1e-06,
  "rope_parameters": {
    "rope_theta": 500000.0,
    "rope_type": "default"
  },
  "rope_scaling": null,
  "rope_theta": 500000.0,
  "tie_word_embeddings": true,
  "torch_dtype": "bfloat16",
  "vocab_size": 259
}
)");
}

TEST(Config, RefusesToWriteWhatAFamilyCannotSay) {
  const auto refused = [](const char* architecture, const char* what, auto&& change,
                          const char* more = "{}") {
    SCOPED_TRACE(what);
    HfConfig config = read(architecture, more);
    change(config.arch);
    expect_error(Kind::unsupported, {"cannot say what this model has", what},
                 [&] { write_hf_config(*config.family, config.arch, ""); });
  };
  const auto mixer = [](Arch& arch, size_t i) -> Gqa& {
    return std::get<Gqa>(arch.layers[i].mixer);
  };
  refused("LlamaForCausalLM", "the mixer of layer 0", [&](Arch& a) {
    for (size_t i = 0; i < 4; ++i) mixer(a, i).qk_norm = Gqa::QkNorm::per_head;
  });
  refused("LlamaForCausalLM", "the mixer of layer 2", [&](Arch& a) { mixer(a, 2).window = 64; });
  refused("MistralForCausalLM", "the mixer of layer 1", [&](Arch& a) { mixer(a, 1).window = 8; });
  refused("MistralForCausalLM", "the mixer of layer 0", [&](Arch& a) {
    for (size_t i = 0; i < 4; ++i) mixer(a, i).qkv_bias = true;
  });
  refused("Qwen2ForCausalLM", "the mixer of layer 0", [&](Arch& a) {
    for (size_t i = 0; i < 4; ++i) mixer(a, i).out_bias = true;
  });
  refused("Gemma2ForCausalLM", "the mixer of layer 3", [&](Arch& a) { mixer(a, 3).window = 9; });
  refused("LlamaForCausalLM", "the feed-forward part of layer 3",
          [](Arch& a) { std::get<Mlp>(a.layers[3].feed_forward).width = 8; });
  refused("LlamaForCausalLM", "the norms", [](Arch& a) { a.sandwich = true; });
  refused("LlamaForCausalLM", "the norms", [](Arch& a) { a.norm.kind = Norm::Kind::layer; });
  refused("GemmaForCausalLM", "the norms", [](Arch& a) { a.norm.zero_centred = false; });
  refused("LlamaForCausalLM", "the rotary positions", [](Arch& a) { a.rope.percent = 0.5; });
  refused("LlamaForCausalLM", "the rotary positions", [](Arch& a) { a.rope.local_theta = 5; });
  refused("LlamaForCausalLM", "the embedding", [](Arch& a) { a.scaled_embedding = true; });
  refused("LlamaForCausalLM", "the embedding", [](Arch& a) { a.final_soft_cap = 30; });
  refused("LlamaForCausalLM", "the extra prediction", [](Arch& a) { a.mtp = Mtp{}; });
}

}  // namespace
}  // namespace bascule
