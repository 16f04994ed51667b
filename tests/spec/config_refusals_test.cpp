// Configurations that must be refused, each with the words of its refusal.
#include "families/hf_config.h"
#include "unit/cpu_time.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

struct Refusal {
  const char* architecture;
  std::string changes;  // keys to set; "-key" removes one
  Kind kind;
  std::vector<std::string> words;
};

std::string changed(const Refusal& refusal) {
  Tree tree = parse_json(R"({"vocab_size": 259, "hidden_size": 96, "num_hidden_layers": 4,
      "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 152,
      "max_position_embeddings": 512, "rms_norm_eps": 1e-5})",
                         "toy.json");
  tree.set("architectures", Tree::list({refusal.architecture}));
  const Tree changes = parse_json(refusal.changes, "changes.json");
  for (const Tree::Entry& entry : changes.entries()) {
    if (entry.key[0] == '-') {
      tree.erase(entry.key.substr(1));
    } else {
      tree.set(entry.key, entry.value);
    }
  }
  return to_json(tree);
}

constexpr const char* kLlama = "LlamaForCausalLM";
constexpr const char* kMistral = "MistralForCausalLM";
constexpr const char* kQwen2 = "Qwen2ForCausalLM";
constexpr const char* kQwen3 = "Qwen3ForCausalLM";
constexpr const char* kMoe = "Qwen3MoeForCausalLM";
constexpr const char* kOlmoe = "OlmoeForCausalLM";
constexpr const char* kGemma = "GemmaForCausalLM";
constexpr const char* kGemma2 = "Gemma2ForCausalLM";
constexpr const char* kGemma3 = "Gemma3ForCausalLM";

const Refusal kRefusals[] = {
    // Architectures
    {"LlamaModel", "{}", Kind::unsupported, {"\"LlamaModel\" is not supported", "Supported are"}},
    {"LlamaForCasualLM", "{}", Kind::unsupported, {"did you mean LlamaForCausalLM?"}},
    {"DeepseekV3ForCausalLM", "{}", Kind::unsupported, {"is planned, but not supported yet"}},
    {kLlama, R"({"-architectures": 0})", Kind::format, {"key architectures is missing"}},
    {kLlama, R"({"architectures": []})", Kind::format, {"key architectures is missing"}},
    {kLlama,
     R"({"architectures": "LlamaForCausalLM"})",
     Kind::format,
     {"key architectures is a string", "must be a list"}},
    {kLlama, R"({"architectures": [3]})", Kind::format, {"is an integer (3)", "must be a string"}},
    {kLlama,
     R"({"architectures": ["LlamaForCausalLM", "X"]})",
     Kind::unsupported,
     {"one is needed"}},
    {kLlama,
     R"({"model_type": "qwen2"})",
     Kind::unsupported,
     {"model_type is \"qwen2\"", "\"llama\""}},
    // Keys that nobody reads
    {kLlama,
     R"({"odd_key": 3})",
     Kind::unsupported,
     {"odd_key is 3", "may change what the model computes", "--ignore-key odd_key"}},
    {kLlama,
     R"({"odd": 3, "even": [2]})",
     Kind::unsupported,
     {"odd is 3, even is [2]", "--ignore-key odd --ignore-key even"}},
    {kLlama,
     R"({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 1})",
     Kind::unsupported,
     {", and 2 more"}},
    {kLlama, R"({"odd": false})", Kind::unsupported, {"odd is false"}},
    {kLlama,
     R"({"auto_map": {"AutoModel": "modeling_x.X"}})",
     Kind::unsupported,
     {"auto_map is {\"AutoModel\"", "--ignore-key auto_map"}},
    {kLlama, R"({"sliding_window": 4096})", Kind::unsupported, {"sliding_window is 4096"}},
    {kLlama, R"({"layer_types": ["full_attention"]})", Kind::unsupported, {"layer_types is"}},
    {kLlama, R"({"num_experts": 8})", Kind::unsupported, {"num_experts is 8"}},
    {kLlama, R"({"query_pre_attn_scalar": 256})", Kind::unsupported, {"query_pre_attn_scalar"}},
    {kLlama, R"({"text_config": {}})", Kind::unsupported, {"text_config is {}"}},
    {kLlama,
     R"({"original_max_position_embeddings": 4096})",
     Kind::unsupported,
     {"original_max_position_embeddings is 4096"}},
    {kMistral, R"({"attention_bias": true})", Kind::unsupported, {"attention_bias is true"}},
    {kMistral, R"({"layer_types": ["sliding_attention"]})", Kind::unsupported, {"layer_types"}},
    {kQwen2, R"({"attention_bias": true})", Kind::unsupported, {"attention_bias is true"}},
    {kOlmoe,
     R"({"moe_intermediate_size": 3, "num_key_value_heads": 6})",
     Kind::unsupported,
     {"moe_intermediate_size is 3"}},
    // Quantized
    {kLlama,
     R"({"quantization_config": {"quant_method": "gptq", "bits": 4}})",
     Kind::unsupported,
     {"quantization_config is", "gptq", "use the unquantized model"}},
    // Keys that must be neutral
    {kLlama,
     R"({"attention_dropout": 0.1})",
     Kind::unsupported,
     {"attention_dropout is 0.1: only 0.0 is supported",
      "to convert without it: --ignore-key attention_dropout"}},
    {kLlama, R"({"pretraining_tp": 2})", Kind::unsupported, {"pretraining_tp is 2: only 1"}},
    {kLlama, R"({"rope_interleaved": true})", Kind::unsupported, {"rope_interleaved is true"}},
    {kLlama,
     R"({"partial_rotary_factor": 0.5})",
     Kind::unsupported,
     {"partial_rotary_factor is 0.5"}},
    {kLlama, R"({"is_encoder_decoder": true})", Kind::unsupported, {"is_encoder_decoder is true"}},
    {kLlama, R"({"add_cross_attention": true})", Kind::unsupported, {"add_cross_attention"}},
    {kLlama,
     R"({"pruned_heads": {"1": [2]}})",
     Kind::unsupported,
     {"pruned_heads is {\"1\": [2]}"}},
    {kQwen2, R"({"use_mrope": true})", Kind::unsupported, {"use_mrope is true"}},
    {kGemma,
     R"({"use_bidirectional_attention": true})",
     Kind::unsupported,
     {"use_bidirectional_attention is true"}},
    {kGemma3,
     R"({"use_bidirectional_attention": true})",
     Kind::unsupported,
     {"use_bidirectional_attention is true"}},
    {kGemma,
     R"({"hidden_activation": "gelu", "hidden_act": "silu"})",
     Kind::unsupported,
     {"hidden_activation is \"gelu\": it contradicts hidden_act"}},
    {kGemma,
     R"({"hidden_activation": "gelu", "-hidden_act": 0})",
     Kind::unsupported,
     {"hidden_activation is \"gelu\": it contradicts hidden_act"}},
    // Missing
    {kLlama, R"({"-vocab_size": 0})", Kind::format, {"key vocab_size is missing"}},
    {kLlama,
     R"({"-vocab_size": 0, "vocab_sizes": 4})",
     Kind::format,
     {"vocab_size is missing; did you mean vocab_sizes?"}},
    {kLlama, R"({"-hidden_size": 0})", Kind::format, {"key hidden_size is missing"}},
    {kLlama, R"({"hidden_size": null})", Kind::format, {"key hidden_size is missing"}},
    {kLlama, R"({"-num_hidden_layers": 0})", Kind::format, {"key num_hidden_layers is missing"}},
    {kLlama, R"({"-num_attention_heads": 0})", Kind::format, {"num_attention_heads is missing"}},
    {kLlama, R"({"-intermediate_size": 0})", Kind::format, {"key intermediate_size is missing"}},
    {kMoe, "{}", Kind::format, {"key num_experts is missing"}},
    // Types
    {kLlama,
     R"({"vocab_size": "259"})",
     Kind::format,
     {"key vocab_size is a string (\"259\"), but must be an integer"}},
    {kLlama, R"({"vocab_size": 259.0})", Kind::format, {"is a number (259.0)"}},
    {kLlama, R"({"vocab_size": [259]})", Kind::format, {"is a list ([259])"}},
    {kLlama, R"({"rms_norm_eps": "1e-5"})", Kind::format, {"rms_norm_eps is a string"}},
    {kLlama, R"({"tie_word_embeddings": 1})", Kind::format, {"must be a boolean"}},
    {kLlama, R"({"attention_bias": "no"})", Kind::format, {"attention_bias is a string"}},
    {kLlama, R"({"hidden_act": 3})", Kind::format, {"hidden_act is an integer"}},
    {kLlama, R"({"torch_dtype": 16})", Kind::format, {"torch_dtype is an integer"}},
    {kLlama, R"({"rope_theta": "big"})", Kind::format, {"rope_theta is a string"}},
    {kLlama, R"({"rope_scaling": "linear"})", Kind::format, {"rope_scaling is a string"}},
    {kLlama, R"({"rope_scaling": [1]})", Kind::format, {"rope_scaling is a list"}},
    {kLlama, R"({"rope_parameters": 3})", Kind::format, {"rope_parameters is an integer"}},
    {kMistral, R"({"sliding_window": "4k"})", Kind::format, {"sliding_window is a string"}},
    {kQwen2, R"({"use_sliding_window": "x"})", Kind::format, {"use_sliding_window is a string"}},
    {kQwen2, R"({"layer_types": "full_attention"})", Kind::format, {"layer_types is a string"}},
    {kMoe,
     R"({"num_experts": 8, "mlp_only_layers": "all"})",
     Kind::format,
     {"mlp_only_layers is a string"}},
    {kMoe,
     R"({"num_experts": 8, "mlp_only_layers": [true]})",
     Kind::format,
     {"mlp_only_layers is a boolean"}},
    {kOlmoe, R"({"clip_qkv": "8"})", Kind::format, {"clip_qkv is a string"}},
    // Values
    {kLlama, R"({"vocab_size": 0})", Kind::format, {"vocab_size is 0, but must be at least 1"}},
    {kLlama, R"({"hidden_size": -96})", Kind::format, {"hidden_size is -96"}},
    {kLlama, R"({"hidden_size": 4294967296})", Kind::format, {"hidden_size is 4294967296"}},
    {kLlama, R"({"num_attention_heads": 0})", Kind::format, {"num_attention_heads is 0"}},
    {kLlama, R"({"num_key_value_heads": 0})", Kind::format, {"num_key_value_heads is 0"}},
    {kLlama, R"({"num_key_value_heads": 4})", Kind::format, {"4, which does not divide the 6"}},
    {kLlama, R"({"num_key_value_heads": 12})", Kind::format, {"12, which does not divide the 6"}},
    {kLlama, R"({"hidden_size": 97})", Kind::format, {"hidden_size is 97, which 6 heads do not"}},
    {kLlama, R"({"head_dim": 0})", Kind::format, {"head_dim is 0"}},
    {kLlama, R"({"num_hidden_layers": 0})", Kind::format, {"num_hidden_layers is 0"}},
    {kLlama,
     R"({"num_hidden_layers": 1000000})",
     Kind::unsupported,
     {"num_hidden_layers is 1000000; at most 1024"}},
    {kLlama,
     R"({"hidden_act": "swiglu"})",
     Kind::unsupported,
     {"hidden_act is \"swiglu\": known are silu"}},
    {kLlama, R"({"hidden_act": "gelu_fastest"})", Kind::unsupported, {"known are"}},
    {kLlama, R"({"torch_dtype": "int8"})", Kind::unsupported, {"torch_dtype is \"int8\""}},
    {kLlama, R"({"dtype": "bf16"})", Kind::unsupported, {"dtype is \"bf16\"", "bfloat16"}},
    {kMoe,
     R"({"num_experts": 4, "num_experts_per_tok": 8})",
     Kind::format,
     {"goes to 8 experts, but there are only 4"}},
    {kMoe, R"({"num_experts": 1000000})", Kind::unsupported, {"more than the 65536 supported"}},
    {kMoe,
     R"({"num_experts": 8, "num_local_experts": 9})",
     Kind::unsupported,
     {"num_local_experts is 9: only 8"}},
    {kMoe,
     R"({"num_experts": 8, "decoder_sparse_step": 0})",
     Kind::format,
     {"decoder_sparse_step is 0"}},
    {kOlmoe,
     R"({"head_dim": 32, "num_key_value_heads": 6})",
     Kind::unsupported,
     {"head_dim is 32: only 16"}},
    // Rope
    {kLlama, R"({"rope_theta": 0})", Kind::format, {"rope_theta must be above 0"}},
    {kLlama, R"({"rope_theta": -5})", Kind::format, {"rope_theta must be above 0"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "su", "factor": 2}})",
     Kind::unsupported,
     {"rope_scaling.rope_type is \"su\": known are default, linear"}},
    {kLlama,
     R"({"rope_scaling": {"type": "llama4"}})",
     Kind::unsupported,
     {"rope_scaling.type is \"llama4\"", "did you mean llama3?"}},
    {kLlama,
     R"({"rope_parameters": {"rope_type": "proportional"}})",
     Kind::unsupported,
     {"rope_parameters.rope_type is \"proportional\""}},
    {kLlama,
     R"({"rope_scaling": {"type": "linear", "rope_type": "yarn", "factor": 2}})",
     Kind::unsupported,
     {"rope_scaling.rope_type is \"yarn\": only \"linear\""}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "linear"}})",
     Kind::format,
     {"key rope_scaling.factor is missing"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "linear", "factor": "2"}})",
     Kind::format,
     {"rope_scaling.factor is a string"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "linear", "factor": 0}})",
     Kind::format,
     {"rope_scaling.factor is 0, but must be above 0"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "linear", "factor": 2, "odd": 1}})",
     Kind::unsupported,
     {"rope_scaling.odd is 1", "--ignore-key rope_scaling.odd"}},
    {kLlama, R"({"rope_scaling": {"factor": 2}})", Kind::unsupported, {"rope_scaling.factor is 2"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}})",
     Kind::format,
     {"rope_scaling.high_freq_factor is missing"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                 "high_freq_factor": 4, "original_max_position_embeddings": 0}})",
     Kind::format,
     {"original_max_position_embeddings is 0"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "yarn", "factor": 4, "finetuned": true}})",
     Kind::unsupported,
     {"rope_scaling.finetuned is true"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "longrope", "factor": 4, "short_factor": [1]}})",
     Kind::format,
     {"rope_scaling.long_factor is missing"}},
    {kLlama,
     R"({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}})",
     Kind::unsupported,
     {"rope_parameters.partial_rotary_factor is 0.5"}},
    {kLlama,
     R"({"rope_theta": 5, "rope_parameters": {"rope_theta": 6}})",
     Kind::unsupported,
     {"rope_parameters is", "rope_theta is 5, which contradicts it"}},
    {kLlama,
     R"({"rope_scaling": {"rope_type": "linear", "factor": 2},
                 "rope_parameters": {"rope_type": "linear", "factor": 3}})",
     Kind::unsupported,
     {"rope_parameters is", "it contradicts rope_scaling"}},
    {kLlama,
     R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})",
     Kind::unsupported,
     {"rope_parameters.full_attention is"}},
    {kGemma3,
     R"({"rope_parameters": {"rope_theta": 5, "rope_type": "default"}})",
     Kind::unsupported,
     {"rope_parameters.rope_theta is 5"}},
    {kGemma3,
     R"({"rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2}}})",
     Kind::unsupported,
     {"sliding_attention is", "are not scaled"}},
    {kGemma3,
     R"({"rope_local_base_freq": 5,
                  "rope_parameters": {"sliding_attention": {"rope_theta": 6}}})",
     Kind::unsupported,
     {"rope_local_base_freq is 5, which contradicts it"}},
    {kGemma2,
     R"({"query_pre_attn_scalar": 1e300})",
     Kind::format,
     {"query_pre_attn_scalar is 1e+300", "from 1e-6 to 1e9"}},
    {kGemma3, R"({"query_pre_attn_scalar": 1e-320})", Kind::format, {"from 1e-6 to 1e9"}},
    // Windows
    {kMistral,
     R"({"sliding_window": 0})",
     Kind::format,
     {"sliding_window is 0, but must be at least 1"}},
    {kMistral,
     R"({"sliding_window": -1})",
     Kind::format,
     {"sliding_window is -1, but must be at least 1"}},
    {kMistral,
     R"({"sliding_window": 2147483648})",
     Kind::format,
     {"sliding_window is 2147483648", "below 2^31"}},
    {kQwen3,
     R"({"layer_types": ["full_attention"]})",
     Kind::format,
     {"layer_types has 1 entries for 4 layers"}},
    {kQwen3,
     R"({"layer_types": ["full_attention", "full_attention", "full_attention",
                                 "chunked_attention"]})",
     Kind::unsupported,
     {"layer_types is \"chunked_attention\""}},
    {kQwen3,
     R"({"layer_types": ["sliding_attention", "full_attention", "full_attention",
                                 "full_attention"]})",
     Kind::unsupported,
     {"no sliding_window says how long it is"}},
    {kGemma2, R"({"sliding_window": null})", Kind::unsupported, {"no sliding_window says"}},
    {kGemma3, R"({"sliding_window_pattern": 0})", Kind::format, {"sliding_window_pattern is 0"}},
    {kGemma2,
     R"({"sliding_window_size": 64})",
     Kind::unsupported,
     {"sliding_window_size is 64: only 4096"}},
    {kGemma2, R"({"query_pre_attn_scalar": 0})", Kind::format, {"query_pre_attn_scalar is 0"}},
};

TEST(ConfigRefusals, NameFileKeyValueAndRemedy) {
  for (const Refusal& refusal : kRefusals) {
    SCOPED_TRACE(refusal.architecture + refusal.changes);
    try {
      read_hf_config(changed(refusal), "hub/config.json");
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(name(error.kind()), name(refusal.kind)) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr("hub/config.json"));
      for (const std::string& word : refusal.words)
        EXPECT_THAT(error.what(), testing::HasSubstr(word));
    }
  }
}

TEST(ConfigRefusals, OfTextThatIsNoConfiguration) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "no valid JSON"},
      {"[]", "a list where a map of keys is needed"},
      {"null", "null where a map of keys is needed"},
      {"{\"vocab_size\": 1, \"vocab_size\": 2}", "the key vocab_size is there twice"},
      {"{\"vocab_size\": NaN}", "no valid JSON"},
      {"{}", "key architectures is missing"},
      {std::string(100, '['), "nested more than 64 deep"},
      {std::string(5 << 20, ' '), "are more than the"},
  };
  for (const auto& [text, words] : cases) {
    SCOPED_TRACE(text.substr(0, 40));
    expect_error(Kind::format, {"config.json", words},
                 [&text = text] { read_hf_config(text, "config.json"); });
  }
}

TEST(ConfigRefusals, ComeSoon) {
  // As many names as the limits allow: it must still be quick to see what they are.
  const CpuTime time;
  const HfConfig config = read_hf_config(changed({kMoe,
                                                  R"({"num_hidden_layers": 1024,
      "num_experts": 64, "num_experts_per_tok": 1})",
                                                  {},
                                                  {}}),
                                         "config.json");
  EXPECT_EQ(config.arch.layers.size(), 1024u);
  EXPECT_LT(time.seconds(), 0.5);
}

}  // namespace
}  // namespace bascule
