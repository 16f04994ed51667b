#include "families/text_config.h"

#include <algorithm>

#include "base/check.h"

namespace bascule {
namespace {

// No model comes near; a hostile file may ask for any number of names.
constexpr int64_t kMostLayers = 1024, kMostExpertsInAll = 1 << 16;

// Of several spellings the first is written. transformers computes gelu_new and gelu_pytorch_tanh
// by the same formula.
constexpr Spelling<Activation> kActivations[] = {
    {"silu",              Activation::silu      },
    {"swish",             Activation::silu      },
    {"gelu",              Activation::gelu      },
    {"gelu_pytorch_tanh", Activation::gelu_tanh },
    {"gelu_new",          Activation::gelu_tanh },
    {"quick_gelu",        Activation::quick_gelu},
    {"relu",              Activation::relu      },
    {"relu2",             Activation::relu2     },
};

}  // namespace

void size(ConfigIo& io, std::string_view key, int64_t& field, std::optional<int64_t> fallback) {
  if (fallback) {
    io(key, field, *fallback);
  } else {
    io(key, field);
  }
  if (io.reading() && (field < 1 || field >= kSizeLimit))
    io.malformed(key, fmt::format("is {}, but must be at least 1 and below 2^31", field));
}

void positive(ConfigIo& io, std::string_view key, double& field, std::optional<double> fallback) {
  if (fallback) {
    io(key, field, *fallback);
  } else {
    io(key, field);
  }
  if (io.reading() && !(field > 0))
    io.malformed(key, fmt::format("is {}, but must be above 0", field));
}

void text_model(ConfigIo& io, Arch& arch, const TextDefaults& defaults) {
  size(io, "vocab_size", arch.vocab);
  size(io, "hidden_size", arch.hidden);
  int64_t count = static_cast<int64_t>(arch.layers.size());
  size(io, "num_hidden_layers", count);
  require(count <= kMostLayers, Kind::unsupported,
          "{}: num_hidden_layers is {}; at most {} are supported", io.file(), count, kMostLayers);
  arch.layers.resize(static_cast<size_t>(count));
  size(io, "max_position_embeddings", arch.max_positions, defaults.positions);
  positive(io, "rms_norm_eps", arch.norm.eps, defaults.eps);
  io("tie_word_embeddings", arch.tied, defaults.tied);
  positive(io, "initializer_range", arch.init_std, 0.02);
}

void attention(ConfigIo& io, const Arch& arch, Gqa& gqa, const AttentionDefaults& defaults) {
  size(io, "num_attention_heads", gqa.heads);
  // null has always meant "as many as heads"; an absent key means the class's default.
  const bool as_heads = io.has("num_key_value_heads") || defaults.kv_heads == 0;
  size(io, "num_key_value_heads", gqa.kv_heads, as_heads ? gqa.heads : defaults.kv_heads);
  if (gqa.heads % gqa.kv_heads != 0)
    io.malformed("num_key_value_heads",
                 fmt::format("is {}, which does not divide the {} heads", gqa.kv_heads, gqa.heads));
  const Tree* given = io.asked("head_dim");
  if (io.reading() && (!given || given->is_null()) && defaults.head_dim == 0 &&
      arch.hidden % gqa.heads != 0)
    io.malformed("hidden_size",
                 fmt::format("is {}, which {} heads do not divide; head_dim is not given",
                             arch.hidden, gqa.heads));
  size(io, "head_dim", gqa.head_dim,
       defaults.head_dim ? defaults.head_dim : std::max<int64_t>(1, arch.hidden / gqa.heads));
}

void attention_bias(ConfigIo& io, Gqa& gqa) {
  io("attention_bias", gqa.qkv_bias, false);
  if (io.reading()) gqa.out_bias = gqa.qkv_bias;
}

void activation(ConfigIo& io, std::string_view key, Activation& field, Activation fallback) {
  io.choice(key, field, kActivations, fallback);
}

void feed_forward(ConfigIo& io, Mlp& mlp) {
  size(io, "intermediate_size", mlp.width);
  activation(io, "hidden_act", mlp.activation, Activation::silu);
}

void set_layers(Arch& arch, const Layer& layer, const Windows& windows) {
  for (size_t i = 0; i < arch.layers.size(); ++i) {
    arch.layers[i] = layer;
    if (windows.slides[i]) std::get<Gqa>(arch.layers[i].mixer).window = windows.size;
  }
}

void set_layers(Arch& arch, const Layer& layer) {
  std::fill(arch.layers.begin(), arch.layers.end(), layer);
}

void check_experts(ConfigIo& io, const Arch& arch, const Moe& moe) {
  require(moe.top_k <= moe.experts, Kind::format,
          "{}: each token goes to {} experts, but there are only {}", io.file(), moe.top_k,
          moe.experts);
  const int64_t layers = static_cast<int64_t>(arch.layers.size());
  require(moe.experts <= kMostExpertsInAll / std::max<int64_t>(1, layers), Kind::unsupported,
          "{}: {} experts in each of {} layers are more than the {} supported in all", io.file(),
          moe.experts, layers, kMostExpertsInAll);
}

}  // namespace bascule
