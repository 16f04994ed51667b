// Gemma: Llama with zero-centred norms, scaled embeddings and a tied head.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  arch.norm.zero_centred = true;
  arch.scaled_embedding = true;
  text_model(io, arch, {.positions = 8192, .tied = true});
  attention(io, arch, attn, {.kv_heads = 16, .head_dim = 256});
  attention_bias(io, attn);
  rope(io, arch);
  io.neutral("use_bidirectional_attention", {false});

  size(io, "intermediate_size", mlp.width);
  // The first files say "gelu", though the models had been trained with its tanh form. transformers
  // 4.57 and 5 compute what hidden_act says, the exact form, whatever hidden_activation adds; so do
  // we, and run_config.yaml tells Megatron, whose class for Gemma takes the tanh form by itself.
  activation(io, "hidden_act", mlp.activation, Activation::gelu_tanh);
  Activation newer = mlp.activation;
  activation(io, "hidden_activation", newer, newer);
  const bool known = mlp.activation == Activation::gelu && newer == Activation::gelu_tanh;
  if (newer != mlp.activation && !known)
    io.unsupported("hidden_activation", *io.asked("hidden_activation"),
                   "it contradicts hidden_act");
  set_layers(arch, {attn, mlp});
}

}  // namespace

Family gemma() {
  Family family = derived(llama());
  family.name = "gemma";
  family.title = "Gemma";
  family.architectures = {"GemmaForCausalLM"};
  family.model_type = "gemma";
  family.provider = "megatron.bridge.models.gemma.gemma_provider.GemmaModelProvider";
  family.config = config;
  return family;
}

}  // namespace bascule
