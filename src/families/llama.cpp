// Llama 2, 3, 3.1, 3.2, 3.3, and models that are Llamas by another name (SmolLM2).
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  text_model(io, arch, {.positions = 2048});
  attention(io, arch, attn);
  attention_bias(io, attn);
  feed_forward(io, mlp);
  io("mlp_bias", mlp.bias, false);
  rope(io, arch);
  io.neutral("rope_interleaved", {false});
  io.known({"is_llama_config"});  // SmolLM2 says so
  set_layers(arch, {attn, mlp});
}

Dialect hf(const Arch&) {
  // clang-format off
  const Dialect model = {
      {"model.embed_tokens", "embed"},
      {"model.norm",         "norm" },
      {"lm_head",            "head" },
  };
  const Dialect layer = {
      {"input_layernorm",          "attn_norm"},
      {"self_attn.q_proj",         "attn.q"   },
      {"self_attn.k_proj",         "attn.k"   },
      {"self_attn.v_proj",         "attn.v"   },
      {"self_attn.o_proj",         "attn.o"   },
      {"post_attention_layernorm", "mlp_norm" },
      {"mlp.gate_proj",            "mlp.gate" },
      {"mlp.up_proj",              "mlp.up"   },
      {"mlp.down_proj",            "mlp.down" },
  };
  // clang-format on
  return (model + layers("model.layers.{L}.", layer))
      .alias("lm_head.weight", "model.embed_tokens.weight")
      .ignore("model.layers.{L}.self_attn.rotary_emb.inv_freq");
}

}  // namespace

Family llama() {
  return {.name = "llama",
          .title = "Llama 2, 3, 3.1, 3.2, 3.3; SmolLM2",
          .architectures = {"LlamaForCausalLM"},
          .model_type = "llama",
          .provider = "megatron.bridge.models.gpt_provider.GPTModelProvider",
          .config = config,
          .hf = hf,
          .unconfirmed = {"llama3.3_70b_instruct: head_dim, transformers_version"}};
}

}  // namespace bascule
