// Qwen2 and Qwen2.5: Llama with biases on q, k and v, and windows on the later layers if any.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  text_model(io, arch, {.positions = 32768});
  attention(io, arch, attn, {.kv_heads = 32});
  attn.qkv_bias = true;
  feed_forward(io, mlp);
  rope(io, arch);
  io.neutral("use_mrope", {false});
  Windows windows = windows_of(arch);
  qwen_windows(io, windows);
  attn.window.reset();
  set_layers(arch, {attn, mlp}, windows);
}

}  // namespace

Family qwen2() {
  Family family = derived(llama());
  family.name = "qwen2";
  family.title = "Qwen2, Qwen2.5";
  family.architectures = {"Qwen2ForCausalLM"};
  family.model_type = "qwen2";
  family.config = config;
  return family;
}

}  // namespace bascule
