// DeepSeek V3: latent attention, a few dense layers, then routed and shared experts.
#include <fmt/format.h>

#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void experts(ConfigIo& io, const Arch& arch, Moe& moe) {
  moe.score = Moe::Score::sigmoid;
  moe.balance = Moe::Balance::seq_aux;
  moe.expert_bias = true;
  size(io, "n_routed_experts", moe.experts);
  size(io, "num_experts_per_tok", moe.top_k);
  size(io, "moe_intermediate_size", moe.width);
  size(io, "n_group", moe.groups, 1);
  size(io, "topk_group", moe.group_top_k, 1);
  io("norm_topk_prob", moe.norm_top_k, true);
  positive(io, "routed_scaling_factor", moe.routed_scale, 1);
  io("aux_loss_alpha", moe.aux_coefficient, 0.0);
  int64_t shared = moe.width ? moe.shared_width / moe.width : 0;
  io("n_shared_experts", shared, 0);
  if (shared < 0 || shared > 1024) io.malformed("n_shared_experts", "must be between 0 and 1024");
  moe.shared_width = shared * moe.width;
  io.constant("scoring_func", "sigmoid");
  io.constant("topk_method", "noaux_tc");
  io.constant("moe_layer_freq", 1);
  check_experts(io, arch, moe);
}

void config(ConfigIo& io, Arch& arch) {
  Mla attn = arch.first<Mla>();
  Mlp mlp = arch.first<Mlp>();
  Moe moe = arch.first<Moe>();
  int64_t dense = 0;
  for (const Layer& layer : arch.layers) dense += std::holds_alternative<Mlp>(layer.feed_forward);
  text_model(io, arch, {.positions = 4096});
  size(io, "num_attention_heads", attn.heads);
  io.constant("num_key_value_heads", attn.heads);
  int64_t q_rank = attn.q_rank;
  io("q_lora_rank", q_rank, 0);
  attn.q_rank = q_rank;
  size(io, "kv_lora_rank", attn.kv_rank);
  size(io, "qk_nope_head_dim", attn.nope_dim);
  size(io, "qk_rope_head_dim", attn.rope_dim);
  size(io, "v_head_dim", attn.value_dim);
  io.known({"head_dim", "qk_head_dim"});  // transformers derives them
  io.constant("attention_bias", false);
  io.constant("rope_interleave", true);
  rope(io, arch);
  feed_forward(io, mlp);
  moe.activation = mlp.activation;
  experts(io, arch, moe);
  io("first_k_dense_replace", dense, 3);
  int64_t extra = arch.mtp ? static_cast<int64_t>(arch.mtp->layers.size()) : 0;
  io("num_nextn_predict_layers", extra, 0);
  if (extra < 0 || extra > 16) io.malformed("num_nextn_predict_layers", "must be between 0 and 16");
  io.known({"ep_size", "auto_map", "seq_aux"});
  for (size_t i = 0; i < arch.layers.size(); ++i)
    arch.layers[i] = static_cast<int64_t>(i) < dense ? Layer{attn, mlp} : Layer{attn, moe};
  if (extra) arch.mtp = Mtp{std::vector<Layer>(static_cast<size_t>(extra), Layer{attn, moe})};
}

Dialect layer_rows() {
  // clang-format off
  return Dialect{
      {"input_layernorm",                  "attn_norm"           },
      {"self_attn.q_proj",                 "attn.q"              },
      {"self_attn.q_a_proj",               "attn.q_down"         },
      {"self_attn.q_a_layernorm",          "attn.q_latent_norm"  },
      {"self_attn.q_b_proj",               "attn.q_up"           },
      {"self_attn.kv_a_proj_with_mqa",     "attn.kv_down"        },
      {"self_attn.kv_a_layernorm",         "attn.kv_latent_norm" },
      {"self_attn.kv_b_proj",              "attn.kv_up"          },
      {"self_attn.o_proj",                 "attn.o"              },
      {"post_attention_layernorm",         "mlp_norm"            },
      {"post_attention_layernorm",         "moe_norm"            },
      {"mlp.gate_proj",                    "mlp.gate"            },
      {"mlp.up_proj",                      "mlp.up"              },
      {"mlp.down_proj",                    "mlp.down"            },
      {"mlp.gate",                         "moe.router"          },
      {"mlp.gate.e_score_correction_bias", "moe.expert_bias"     },
      {"mlp.experts.{E}.gate_proj",        "moe.experts.{E}.gate"},
      {"mlp.experts.{E}.up_proj",          "moe.experts.{E}.up"  },
      {"mlp.experts.{E}.down_proj",        "moe.experts.{E}.down"},
      {"mlp.shared_experts.gate_proj",     "moe.shared.gate"     },
      {"mlp.shared_experts.up_proj",       "moe.shared.up"       },
      {"mlp.shared_experts.down_proj",     "moe.shared.down"     },
  };
  // clang-format on
}

/// Extra layers count on from the last; each repeats the embedding and the head.
Dialect mtp_rows(const Arch& arch, size_t i) {
  const Dialect own = {
      {"enorm",            "embed_norm" },
      {"hnorm",            "hidden_norm"},
      {"eh_proj",          "join"       },
      {"shared_head.norm", "norm"       },
  };
  const std::string prefix = fmt::format("model.layers.{}.", arch.layers.size() + i);
  return layers(prefix, own + layer_rows(), fmt::format("mtp.{}.", i))
      .alias(prefix + "embed_tokens.weight", "model.embed_tokens.weight")
      .alias(prefix + "shared_head.head.weight", "lm_head.weight");
}

Dialect hf(const Arch& arch) {
  const Dialect model = {
      {"model.embed_tokens", "embed"},
      {"model.norm",         "norm" },
      {"lm_head",            "head" },
  };
  Dialect all = model + layers("model.layers.{L}.", layer_rows());
  for (size_t i = 0; arch.mtp && i < arch.mtp->layers.size(); ++i) all = all + mtp_rows(arch, i);
  return all;
}

}  // namespace

Family deepseek_v3() {
  return {.name = "deepseek_v3",
          .title = "DeepSeek V3",
          .architectures = {"DeepseekV3ForCausalLM"},
          .model_type = "deepseek_v3",
          .provider = "megatron.bridge.models.mla_provider.MLAModelProvider",
          .config = config,
          .hf = hf};
}

}  // namespace bascule
