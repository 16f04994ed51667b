// Qwen3-MoE: Qwen3 with experts in all layers, or in all but some.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

/// Which layers have a plain MLP: those listed, and all but every `step`-th.
void dense_layers(ConfigIo& io, const Arch& arch, std::vector<bool>& dense) {
  std::vector<int64_t> listed;
  for (size_t i = 0; i < arch.layers.size(); ++i)
    if (std::holds_alternative<Mlp>(arch.layers[i].feed_forward))
      listed.push_back(static_cast<int64_t>(i));
  int64_t step = 1;
  io("mlp_only_layers", listed, {});
  size(io, "decoder_sparse_step", step, 1);
  dense.assign(arch.layers.size(), false);
  for (size_t i = 0; i < dense.size(); ++i) dense[i] = (static_cast<int64_t>(i) + 1) % step != 0;
  for (const int64_t i : listed)  // transformers lets any number stand here
    if (i >= 0 && i < static_cast<int64_t>(dense.size())) dense[static_cast<size_t>(i)] = true;
}

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Moe moe = arch.first<Moe>();
  Mlp mlp = arch.first<Mlp>();
  if (mlp.width == 0) mlp.width = moe.width;  // no layer is dense, but the key must be there
  text_model(io, arch, {.positions = 32768});
  attention(io, arch, attn, {.kv_heads = 4});
  attention_bias(io, attn);
  attn.qk_norm = Gqa::QkNorm::per_head;
  rope(io, arch);

  feed_forward(io, mlp);
  moe.activation = mlp.activation;
  // transformers 5 calls the number of experts num_local_experts, and reads either.
  const bool local = io.has("num_local_experts") && !io.has("num_experts");
  size(io, local ? "num_local_experts" : "num_experts", moe.experts);
  io.neutral("num_local_experts", {moe.experts});
  size(io, "num_experts_per_tok", moe.top_k, 8);
  size(io, "moe_intermediate_size", moe.width, 768);
  io("norm_topk_prob", moe.norm_top_k, false);
  io("router_aux_loss_coef", moe.aux_coefficient, 0.001);
  io.known({"output_router_logits"});
  check_experts(io, arch, moe);

  bool windowed = attn.window.has_value();
  Windows windows{attn.window, {}};
  io("use_sliding_window", windowed, false);
  sliding_window(io, windows, 4096);
  attn.window = windowed ? windows.size : std::nullopt;
  io.known({"max_window_layers"});  // published, but transformers does not read it here

  std::vector<bool> dense;
  dense_layers(io, arch, dense);
  for (size_t i = 0; i < dense.size(); ++i)
    arch.layers[i] = dense[i] ? Layer{attn, mlp} : Layer{attn, moe};
}

Dialect hf(const Arch& arch) {
  // clang-format off
  const Dialect layer = {
      {"post_attention_layernorm",  "moe_norm"            },
      {"mlp.gate",                  "moe.router"          },
      {"mlp.experts.{E}.gate_proj", "moe.experts.{E}.gate"},
      {"mlp.experts.{E}.up_proj",   "moe.experts.{E}.up"  },
      {"mlp.experts.{E}.down_proj", "moe.experts.{E}.down"},
  };
  // clang-format on
  return qwen3().hf(arch) + layers("model.layers.{L}.", layer);
}

}  // namespace

Family qwen3_moe() {
  Family family = derived(qwen3());
  family.name = "qwen3_moe";
  family.title = "Qwen3-MoE";
  family.architectures = {"Qwen3MoeForCausalLM"};
  family.model_type = "qwen3_moe";
  family.config = config;
  family.hf = hf;
  return family;
}

}  // namespace bascule
