// Mistral: Llama with a window over all layers and no biases.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  text_model(io, arch, {.positions = 131072});
  attention(io, arch, attn, {.kv_heads = 8});
  feed_forward(io, mlp);
  rope(io, arch);
  Windows windows{attn.window, {}};
  sliding_window(io, windows, 4096);
  attn.window = windows.size;
  set_layers(arch, {attn, mlp});
}

}  // namespace

Family mistral() {
  Family family = derived(llama());
  family.name = "mistral";
  family.title = "Mistral";
  family.architectures = {"MistralForCausalLM"};
  family.model_type = "mistral";
  family.provider = "megatron.bridge.models.mistral.mistral_provider.MistralModelProvider";
  family.config = config;
  return family;
}

}  // namespace bascule
