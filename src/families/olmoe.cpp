// OLMoE: experts in every layer, and norms over all queries and all keys of a token.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Moe moe = arch.first<Moe>();
  text_model(io, arch, {.positions = 4096, .eps = 1e-5});
  attention(io, arch, attn);
  // Versions of transformers disagree on whether another head_dim counts.
  io.neutral("head_dim", {arch.hidden / attn.heads});
  attention_bias(io, attn);
  attn.qk_norm = Gqa::QkNorm::full_width;
  io("clip_qkv", attn.clip);
  rope(io, arch);

  size(io, "intermediate_size", moe.width);
  activation(io, "hidden_act", moe.activation, Activation::silu);
  size(io, "num_experts", moe.experts, 64);
  size(io, "num_experts_per_tok", moe.top_k, 8);
  io("norm_topk_prob", moe.norm_top_k, false);
  moe.balance = Moe::Balance::seq_aux;  // as Megatron Bridge trains it
  io("router_aux_loss_coef", moe.aux_coefficient, 0.01);
  io.known({"output_router_logits"});
  check_experts(io, arch, moe);
  set_layers(arch, {attn, moe});
}

}  // namespace

Family olmoe() {
  Family family = derived(qwen3_moe());
  family.name = "olmoe";
  family.title = "OLMoE";
  family.architectures = {"OlmoeForCausalLM"};
  family.model_type = "olmoe";
  family.config = config;
  family.unconfirmed = {"olmoe_1b_7b_0125: _name_or_path, torch_dtype, transformers_version"};
  return family;
}

}  // namespace bascule
