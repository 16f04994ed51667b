// Nemotron-H: each layer is a Mamba-2 mixer, an attention without rope, or an MLP.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

enum class Block { mamba, attention, mlp };
constexpr Spelling<Block> kBlocks[] = {
    {"linear_attention", Block::mamba    },
    {"mamba",            Block::mamba    },
    {"full_attention",   Block::attention},
    {"attention",        Block::attention},
    {"mlp",              Block::mlp      },
};
/// hybrid_override_pattern: one letter a layer.
constexpr std::string_view kLetters = "M*-";

Block block_of(const Layer& layer) {
  if (std::holds_alternative<Mamba2>(layer.mixer)) return Block::mamba;
  return std::holds_alternative<Gqa>(layer.mixer) ? Block::attention : Block::mlp;
}

/// Reads layers_block_type, or the pattern of letters; writes the pattern, which older files have.
std::vector<Block> blocks(ConfigIo& io, const Arch& arch) {
  std::vector<Block> all;
  std::string pattern;
  for (const Layer& layer : arch.layers) {
    all.push_back(block_of(layer));
    pattern += kLetters[static_cast<size_t>(all.back())];
  }
  if (!io.reading() || io.has("hybrid_override_pattern")) {
    io("hybrid_override_pattern", pattern);
    all.clear();
    for (const char letter : pattern) {
      const size_t at = kLetters.find(letter);
      if (at == kLetters.npos)
        io.unsupported("hybrid_override_pattern", Tree(pattern), "only M, * and - are supported");
      all.push_back(static_cast<Block>(at));
    }
    return all;
  }
  std::vector<std::string> names;
  io("layers_block_type", names);
  for (const std::string& name : names) {
    const auto* found = std::find_if(std::begin(kBlocks), std::end(kBlocks),
                                     [&](const auto& spelling) { return spelling.text == name; });
    if (found == std::end(kBlocks))
      io.unsupported("layers_block_type", Tree(name),
                     "only mamba, attention and mlp are supported");
    all.push_back(found->value);
  }
  return all;
}

void mamba(ConfigIo& io, Mamba2& m) {
  size(io, "mamba_num_heads", m.heads);
  size(io, "mamba_head_dim", m.head_dim);
  size(io, "ssm_state_size", m.state);
  size(io, "n_groups", m.groups);
  size(io, "conv_kernel", m.kernel, 4);
  io("use_conv_bias", m.conv_bias, true);
  io.constant("mamba_hidden_act", "silu");
  io.constant("use_bias", false);
  io.constant("mamba_proj_bias", false);
  io.known({"chunk_size", "expand", "mamba_ssm_cache_dtype", "use_mamba_kernels", "time_step_floor",
            "time_step_limit", "time_step_max", "time_step_min", "time_step_rank"});
}

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Mlp mlp = arch.first<Mlp>();
  Mamba2 mixer = arch.first<Mamba2>();
  arch.hybrid = true;
  const std::vector<Block> kinds = blocks(io, arch);
  size(io, "vocab_size", arch.vocab);
  size(io, "hidden_size", arch.hidden);
  size(io, "max_position_embeddings", arch.max_positions, 4096);
  positive(io, "layer_norm_epsilon", arch.norm.eps, 1e-5);
  io("tie_word_embeddings", arch.tied, false);
  positive(io, "initializer_range", arch.init_std, 0.02);
  io.neutral("num_hidden_layers", {static_cast<int64_t>(kinds.size())});
  attention(io, arch, attn, {.kv_heads = 8, .head_dim = 128});
  attention_bias(io, attn);
  attn.rope = false;
  io("rope_theta", arch.rope.theta, 10000);
  size(io, "intermediate_size", mlp.width);
  activation(io, "mlp_hidden_act", mlp.activation, Activation::relu2);
  io("mlp_bias", mlp.bias, false);
  mlp.gated = false;
  mamba(io, mixer);
  io.neutral("residual_in_fp32", {false});
  io.neutral("sliding_window", {Tree()});
  io.neutral("num_nextn_predict_layers", {0});
  io.known({"rescale_prenorm_residual", "num_logits_to_keep", "mtp_layers_block_type", "auto_map"});
  // Without experts these say nothing.
  io.known({"moe_intermediate_size", "moe_latent_size", "moe_shared_expert_intermediate_size",
            "moe_shared_expert_overlap", "n_group", "n_routed_experts", "n_shared_experts",
            "norm_topk_prob", "num_experts_per_tok", "routed_scaling_factor", "topk_group"});
  if (kinds.empty() || kinds.size() > 1024) io.malformed("layers_block_type", "has 0 or too many");
  arch.layers.clear();
  for (const Block kind : kinds)
    arch.layers.push_back(kind == Block::mamba       ? Layer{mixer, {}}
                          : kind == Block::attention ? Layer{attn, {}}
                                                     : Layer{{}, mlp});
}

Dialect hf(const Arch&) {
  // clang-format off
  const Dialect model = {
      {"backbone.embeddings", "embed"},
      {"backbone.norm_f",     "norm" },
      {"lm_head",             "head" },
  };
  const Dialect layer = {
      {"norm",            "attn_norm"},
      {"norm",            "mlp_norm" },
      {"mixer.q_proj",    "attn.q"   },
      {"mixer.k_proj",    "attn.k"   },
      {"mixer.v_proj",    "attn.v"   },
      {"mixer.o_proj",    "attn.o"   },
      {"mixer.up_proj",   "mlp.up"   },
      {"mixer.down_proj", "mlp.down" },
      {"mixer.in_proj",   fuse({"mamba.in.z", "mamba.in.x", "mamba.in.b", "mamba.in.c", "mamba.in.dt"})},
      {"mixer.conv1d",    fuse({"mamba.conv.x", "mamba.conv.b", "mamba.conv.c"})},
      exact("mixer.A_log", "mamba.a_log"),
      exact("mixer.D",     "mamba.d"),
      {"mixer.dt_bias",   "mamba.dt_bias"},
      {"mixer.norm",      "mamba.norm"   },
      {"mixer.out_proj",  "mamba.out"    },
  };
  // clang-format on
  return model + layers("backbone.layers.{L}.", layer);
}

}  // namespace

Family nemotron_h() {
  return {.name = "nemotron_h",
          .title = "Nemotron-H",
          .architectures = {"NemotronHForCausalLM"},
          .model_type = "nemotron_h",
          .provider = "megatron.bridge.models.mamba.mamba_provider.MambaModelProvider",
          .config = config,
          .hf = hf};
}

}  // namespace bascule
