#include "families/megatron_config.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "base/check.h"
#include "families/megatron_fields.h"

namespace bascule {
namespace {

using Class = Provider::Kind;

constexpr Spelling<Norm::Kind> kNorms[] = {
    {"RMSNorm",   Norm::Kind::rms  },
    {"LayerNorm", Norm::Kind::layer}
};
// Of several spellings the first is written; the others are what Python calls the same functions.
constexpr Spelling<Activation> kActivations[] = {
    {"torch.nn.functional.silu",                          Activation::silu      },
    {"torch.nn.functional.gelu",                          Activation::gelu      },
    {"torch._C._nn.gelu",                                 Activation::gelu      },
    {"megatron.core.activations.fast_gelu",               Activation::gelu_tanh },
    {"megatron.core.fusions.fused_bias_geglu.quick_gelu", Activation::quick_gelu},
    {"megatron.core.activations.quick_gelu",              Activation::quick_gelu},
    {"torch.nn.functional.relu",                          Activation::relu      },
    {"megatron.core.activations.squared_relu",            Activation::relu2     },
};
constexpr Spelling<std::string_view> kTypes[] = {
    {"torch.bfloat16", "bfloat16"},
    {"torch.float16",  "float16" },
    {"torch.float32",  "float32" }
};
constexpr Spelling<bool> kSinks[] = {
    {"vanilla",   false},
    {"learnable", true }
};

// Settings that would make another model than all those that we know. They are off by default.
constexpr std::string_view kMustBeOff[] = {"multi_latent_attention",
                                           "heterogeneous_block_specs",
                                           "is_hybrid_model",
                                           "mtp_num_layers",
                                           "apply_residual_connection_post_layernorm",
                                           "rotary_interleaved",
                                           "qk_l2_norm",
                                           "moe_latent_size",
                                           "experimental_attention_variant",
                                           "linear_attention_freq",
                                           "moe_apply_probs_on_input",
                                           "rotary_scaling_factor",
                                           "mrope_section",
                                           "is_vision_language"};

// No model comes near; a hostile file may ask for any number.
constexpr int64_t kMostLayers = 1024;

/// Sizes arch.layers.
void layer_count(ConfigIo& io, Arch& arch) {
  constexpr std::string_view key = "num_layers";
  int64_t count = static_cast<int64_t>(arch.layers.size());
  size(io, key, count);
  require(count <= kMostLayers, Kind::unsupported, "{}: {} is {}; at most {} are supported",
          io.file(), io.path(key), count, kMostLayers);
  arch.layers.resize(static_cast<size_t>(count));
}

/// A function or type: {_call_: false, _target_: NAME}.
template <class E, size_t N>
void named(ConfigIo& io, std::string_view key, E& field, const Spelling<E> (&table)[N]) {
  const bool there = io.section(key, [&](ConfigIo& inner) {
    inner.put("_call_", false);
    inner.choice("_target_", field, table);
  });
  if (!there) io.malformed(key, "is missing");
}

void vocabulary(ConfigIo& io, MegatronConfig& config) {
  Arch& arch = config.arch;
  size(io, "vocab_size", arch.vocab);
  bool padded = config.vocab_multiple > 1;
  // Bridge writes this number for models without padding, too.
  constexpr int64_t kMostUnpadded = 128;
  int64_t multiple = padded ? config.vocab_multiple : std::gcd(arch.vocab, kMostUnpadded);
  io("should_pad_vocab", padded, false);
  size(io, "make_vocab_size_divisible_by", multiple, kMostUnpadded);
  int64_t ranks = 1;
  size(io, "tensor_model_parallel_size", ranks, 1);
  io.put("pipeline_model_parallel_size", 1);
  if (!io.reading()) return;
  config.vocab_multiple = padded ? multiple * ranks : 1;
  constexpr int64_t most = int64_t{1} << 31;
  if (config.vocab_multiple >= most)
    io.malformed("make_vocab_size_divisible_by",
                 fmt::format("is {} for {} ranks each, but their product must be below 2^31",
                             multiple, ranks));
}

void precision(ConfigIo& io, std::string& dtype) {
  std::string_view type = dtype;
  bool bf16 = dtype == "bfloat16", fp16 = dtype == "float16";
  io("bf16", bf16, false);
  io("fp16", fp16, false);
  require(io.reading() || std::ranges::count(kTypes, type, &Spelling<std::string_view>::value) > 0,
          Kind::unsupported,
          "the model is of {}, and Megatron's parameters are of bfloat16, float16 or float32; pass "
          "--dtype",
          type.empty() ? "no dtype" : type);
  named(io, "params_dtype", type, kTypes);
  if (bf16 && fp16) io.malformed("fp16", "and bf16 cannot both be true");
  // The switches win: Megatron wraps the model into one that casts its parameters.
  dtype = bf16 ? "bfloat16" : fp16 ? "float16" : std::string(type);
}

/// Megatron has one switch for all biases, and another for those of q, k and v only.
void biases(ConfigIo& io, MegatronLayers& layers) {
  bool all = layers.any_dense() ? layers.dense.bias : layers.sparse.bias;
  bool qkv = layers.attention.qkv_bias;
  io("add_bias_linear", all, true);
  io("add_qkv_bias", qkv, false);
  if (!io.reading()) return;
  layers.attention.qkv_bias = qkv || all;
  layers.attention.out_bias = layers.dense.bias = layers.sparse.bias = all;
  layers.sparse.router_bias = all;
}

/// Scores are divided by the square root of a number: that of a head's size unless it is given.
void score_scale(ConfigIo& io, const Provider& provider, Gqa& attention) {
  const double usual = static_cast<double>(attention.head_dim);
  double scalar = attention.query_scalar.value_or(usual);
  if (provider.kind == Class::gemma2) {
    positive(io, "query_pre_attn_scalar", scalar, 224);
  } else {
    const auto scale_of = [](double number) { return 1 / std::sqrt(number); };
    std::optional<double> scale;
    if (attention.query_scalar || provider.kind == Class::gemma3) scale = scale_of(scalar);
    io("softmax_scale", scale);
    if (io.reading() && scale) {
      if (!(*scale > 0)) io.malformed("softmax_scale", "must be above 0");
      scalar =
          simplest(1 / (*scale * *scale), [&](double near) { return scale_of(near) == *scale; });
    }
  }
  if (io.reading()) attention.query_scalar = scalar == usual ? std::nullopt : std::optional(scalar);
}

void attention_fields(ConfigIo& io, const Provider& provider, Arch& arch, MegatronLayers& layers) {
  Gqa& attention = layers.attention;
  size(io, "num_attention_heads", attention.heads);
  size(io, "num_query_groups", attention.kv_heads, attention.heads);
  size(io, "kv_channels", attention.head_dim, std::max<int64_t>(1, arch.hidden / attention.heads));
  if (attention.heads % attention.kv_heads != 0)
    io.malformed("num_query_groups", fmt::format("is {}, which does not divide the {} heads",
                                                 attention.kv_heads, attention.heads));
  // A class that always has these norms leaves the switch off.
  bool norms = attention.qk_norm != Gqa::QkNorm::none && !provider.norms_queries();
  io("qk_layernorm", norms, false);
  if (io.reading())
    attention.qk_norm =
        norms || provider.norms_queries() ? Gqa::QkNorm::per_head : Gqa::QkNorm::none;
  score_scale(io, provider, attention);
  io.choice("softmax_type", attention.sinks, kSinks, false);
  io("attention_output_gate", attention.output_gate, false);
  if (provider.soft_caps()) {
    io("attn_logit_softcapping", attention.soft_cap);
    io("final_logit_softcapping", arch.final_soft_cap);
  }
}

void feed_forward_fields(ConfigIo& io, const Arch& arch, MegatronLayers& layers) {
  Mlp& dense = layers.dense;
  const bool from_sparse = !io.reading() && !layers.any_dense();
  Activation activation = from_sparse ? layers.sparse.activation : dense.activation;
  bool gated = from_sparse ? layers.sparse.gated : dense.gated;
  named(io, "activation_func", activation, kActivations);
  io("gated_linear_unit", gated, false);
  io.constant("glu_linear_offset", 0.0);
  io.constant("activation_func_clamp_value", Tree());
  expert_fields(io, arch, layers);
  // No parameter has this width where all layers have experts.
  if (io.reading() ? layers.any_dense() : !from_sparse)
    size(io, "ffn_hidden_size", dense.width, 4 * arch.hidden);
  io.known({"ffn_hidden_size"});
  if (!io.reading()) return;
  dense.activation = layers.sparse.activation = activation;
  dense.gated = layers.sparse.gated = gated;
}

/// The function that lists a layer's modules.
void layer_spec(ConfigIo& io, const Provider& provider, MegatronLayers& layers) {
  constexpr std::string_view key = "transformer_layer_spec";
  if (io.reading()) {
    const Tree* spec = io.asked(key);
    const Tree* target = spec ? spec->find("_target_") : nullptr;
    if (target && *target == Tree(std::string(kFullWidthNormLayers)))
      layers.attention.qk_norm = Gqa::QkNorm::full_width;
    return;
  }
  const bool mixed = layers.any_dense() && layers.any_sparse();
  const bool full_width = layers.attention.qk_norm == Gqa::QkNorm::full_width;
  if (mixed && !full_width)
    return io.put(key, Tree::map({
                           {"_args_",                 Tree::list()             },
                           {"_partial_",              true                     },
                           {"_target_",               std::string(kMixedLayers)},
                           {"use_transformer_engine", true                     }
    }));
  const std::string_view target = full_width                       ? kFullWidthNormLayers
                                  : provider.kind == Class::gemma2 ? kGemma2Layers
                                  : provider.kind == Class::gemma3 ? kGemma3Layers
                                                                   : kDefaultLayers;
  io.put(key, Tree::map({
                  {"_call_",   false              },
                  {"_target_", std::string(target)}
  }));
}

}  // namespace

void flags(ConfigIo& io, std::string_view key, std::vector<bool>& by_layer) {
  std::vector<int64_t> list(by_layer.begin(), by_layer.end());
  io(key, list);
  if (list.size() != by_layer.size())
    io.malformed(key, fmt::format("has {} entries for {} layers", list.size(), by_layer.size()));
  for (size_t i = 0; i < list.size(); ++i) by_layer[i] = list[i] != 0;
}

double simplest(double value, const std::function<bool(double)>& same) {
  for (const int digits : {6, 12, 15}) {
    const double shorter = std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
    if (same(shorter)) return shorter;
  }
  return value;
}

bool needs_yarn_provider(const Provider& provider, const Arch& arch) {
  return provider.kind == Class::general && arch.rope.scaling &&
         arch.rope.scaling->kind == RopeScaling::Kind::yarn;
}

void megatron_config(ConfigIo& io, const Provider& provider, WindowCount count,
                     MegatronConfig& config) {
  Arch& arch = config.arch;
  MegatronLayers layers;
  if (!io.reading()) layers = gathered(arch);

  layer_count(io, arch);
  size(io, "hidden_size", arch.hidden);
  if (io.reading()) {
    layers.rotates.assign(arch.layers.size(), true);
    layers.is_sparse.assign(arch.layers.size(), false);
    layers.windows.slides.assign(arch.layers.size(), false);
  }
  vocabulary(io, config);
  size(io, "seq_length", arch.max_positions);
  precision(io, config.dtype);
  io("share_embeddings_and_output_weights", arch.tied, true);
  positive(io, "init_method_std", arch.init_std, 0.02);

  io.choice("normalization", arch.norm.kind, kNorms);
  positive(io, "layernorm_epsilon", arch.norm.eps, 1e-5);
  io("layernorm_zero_centered_gamma", arch.norm.zero_centred, false);
  io.put("attention_dropout", 0.0);
  io.put("hidden_dropout", 0.0);

  attention_fields(io, provider, arch, layers);
  feed_forward_fields(io, arch, layers);
  biases(io, layers);
  layer_spec(io, provider, layers);
  rope_fields(io, provider, arch.rope, layers);
  window_fields(io, provider, count, layers);
  for (const std::string_view key : kMustBeOff) io.neutral(key, {false, 0});

  if (!io.reading()) return;
  arch.scaled_embedding = provider.scales_embedding();
  arch.sandwich = provider.sandwich();
  spread(layers, arch);
}

}  // namespace bascule
