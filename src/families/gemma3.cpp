// Gemma 3 (text): Gemma 2 with normed queries and keys, most layers with a window and a rotary
// frequency of their own.
#include "families/gemma_config.h"
#include "families/registry.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Layer layer = gemma_config(io, arch, {.positions = 131072, .logit_cap = {}});
  // transformers keeps it, but hands it to no attention: scores are not capped.
  io.known({"attn_logit_softcapping"});
  std::get<Gqa>(layer.mixer).qk_norm = Gqa::QkNorm::per_head;
  rope_global_and_local(io, arch, 1e6, 1e4);
  Windows windows = windows_of(arch);
  int64_t pattern = 6;
  size(io, "sliding_window_pattern", pattern, 6);
  io.known({"_sliding_window_pattern"});  // what transformers 4 writes, but does not read
  sliding_window(io, windows, 4096);
  layer_types(io, windows, [&](int64_t i) { return (i + 1) % pattern != 0; });
  set_layers(arch, layer, windows);
}

Dialect hf(const Arch& arch) {
  const Dialect layer = {
      {"self_attn.q_norm", "attn.q_norm"},
      {"self_attn.k_norm", "attn.k_norm"},
  };
  return gemma2().hf(arch) + layers("model.layers.{L}.", layer);
}

}  // namespace

Family gemma3() {
  Family family = derived(gemma2());
  family.name = "gemma3";
  family.title = "Gemma 3 (text)";
  family.architectures = {"Gemma3ForCausalLM"};
  family.model_type = "gemma3_text";
  family.provider = "megatron.bridge.models.gemma.gemma3_provider.Gemma3ModelProvider";
  family.config = config;
  family.hf = hf;
  return family;
}

}  // namespace bascule
