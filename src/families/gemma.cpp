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
  // The first files said "gelu" where the models had been trained with its tanh form, which is why
  // transformers added hidden_activation (and read "gelu" alone as the tanh form, with a warning).
  activation(io, "hidden_activation", mlp.activation, Activation::gelu_tanh);
  Activation old = mlp.activation;
  activation(io, "hidden_act", old, Activation::gelu_tanh);
  if (old != mlp.activation && old != Activation::gelu)
    io.unsupported("hidden_act", *io.asked("hidden_act"), "it contradicts hidden_activation");
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
