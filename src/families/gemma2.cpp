// Gemma 2: Gemma with norms on both sides, capped scores, and a window in every other layer.
#include <fmt/format.h>

#include <cmath>

#include "families/gemma_config.h"
#include "families/registry.h"

namespace bascule {
namespace {

/// Scores are divided by the square root of a number that is usually the size of a head.
void query_scalar(ConfigIo& io, Gqa& attn) {
  constexpr std::string_view key = "query_pre_attn_scalar";
  double scalar = attn.query_scalar.value_or(static_cast<double>(attn.head_dim));
  if (!io.reading() && scalar == std::trunc(scalar))  // transformers 5 accepts only an integer
    return io.put(key, static_cast<int64_t>(scalar));
  positive(io, key, scalar, 256);
  if (io.reading() && (scalar < 1e-6 || scalar > 1e9))
    io.malformed(key, fmt::format("is {}, but must be from 1e-6 to 1e9", scalar));
  attn.query_scalar =
      scalar == static_cast<double>(attn.head_dim) ? std::nullopt : std::optional(scalar);
}

void config(ConfigIo& io, Arch& arch) {
  std::optional<double> cap = arch.first<Gqa>().soft_cap;
  Layer layer = gemma_config(io, arch, {.positions = 8192, .logit_cap = 30});
  io("attn_logit_softcapping", cap, 50);
  std::get<Gqa>(layer.mixer).soft_cap = cap;
  rope(io, arch);
  Windows windows = windows_of(arch);
  sliding_window(io, windows, 4096);
  // Published beside sliding_window, which alone is read.
  if (windows.size) io.neutral("sliding_window_size", {*windows.size});
  layer_types(io, windows, [](int64_t i) { return i % 2 == 0; });
  set_layers(arch, layer, windows);
}

Dialect hf(const Arch&) {
  // clang-format off
  const Dialect model = {
      {"model.embed_tokens", "embed"},
      {"model.norm",         "norm" },
      {"lm_head",            "head" },
  };
  const Dialect layer = {
      {"input_layernorm",            "attn_norm"     },
      {"self_attn.q_proj",           "attn.q"        },
      {"self_attn.k_proj",           "attn.k"        },
      {"self_attn.v_proj",           "attn.v"        },
      {"self_attn.o_proj",           "attn.o"        },
      {"post_attention_layernorm",   "post_attn_norm"},
      {"pre_feedforward_layernorm",  "mlp_norm"      },
      {"mlp.gate_proj",              "mlp.gate"      },
      {"mlp.up_proj",                "mlp.up"        },
      {"mlp.down_proj",              "mlp.down"      },
      {"post_feedforward_layernorm", "post_mlp_norm" },
  };
  // clang-format on
  return (model + layers("model.layers.{L}.", layer))
      .alias("lm_head.weight", "model.embed_tokens.weight")
      .ignore("model.layers.{L}.self_attn.rotary_emb.inv_freq");
}

}  // namespace

Layer gemma_config(ConfigIo& io, Arch& arch, const GemmaDefaults& defaults) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  arch.norm.zero_centred = true;
  arch.scaled_embedding = true;
  arch.sandwich = true;
  text_model(io, arch, {.positions = defaults.positions, .tied = true});
  attention(io, arch, attn, {.kv_heads = 4, .head_dim = 256});
  attention_bias(io, attn);
  query_scalar(io, attn);
  io("final_logit_softcapping", arch.final_soft_cap, defaults.logit_cap);
  io.neutral("use_bidirectional_attention", {false});
  size(io, "intermediate_size", mlp.width);
  activation(io, "hidden_activation", mlp.activation, Activation::gelu_tanh);
  io.known({"hidden_act"});  // published beside hidden_activation, which alone is read
  attn.window.reset();
  return {attn, mlp};
}

Family gemma2() {
  Family family = derived(gemma());
  family.name = "gemma2";
  family.title = "Gemma 2";
  family.architectures = {"Gemma2ForCausalLM"};
  family.model_type = "gemma2";
  family.provider = "megatron.bridge.models.gemma.gemma2_provider.Gemma2ModelProvider";
  family.config = config;
  family.hf = hf;
  return family;
}

}  // namespace bascule
