// Qwen3: Llama with a norm on each head's queries and keys.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  text_model(io, arch, {.positions = 32768});
  attention(io, arch, attn, {.kv_heads = 32, .head_dim = 128});
  attention_bias(io, attn);
  attn.qk_norm = Gqa::QkNorm::per_head;
  feed_forward(io, mlp);
  rope(io, arch);
  Windows windows = windows_of(arch);
  qwen_windows(io, windows);
  attn.window.reset();
  set_layers(arch, {attn, mlp}, windows);
}

Dialect hf(const Arch& arch) {
  const Dialect layer = {
      {"self_attn.q_norm", "attn.q_norm"},
      {"self_attn.k_norm", "attn.k_norm"},
  };
  return llama().hf(arch) + layers("model.layers.{L}.", layer);
}

}  // namespace

Family qwen3() {
  Family family = derived(llama());
  family.name = "qwen3";
  family.title = "Qwen3";
  family.architectures = {"Qwen3ForCausalLM"};
  family.model_type = "qwen3";
  family.config = config;
  family.hf = hf;
  return family;
}

}  // namespace bascule
