// Experts among Megatron's settings.
#include "families/megatron_fields.h"

namespace bascule {
namespace {

constexpr Spelling<Moe::Score> kScores[] = {
    {"softmax", Moe::Score::softmax},
    {"sigmoid", Moe::Score::sigmoid}
};
constexpr Spelling<Moe::Balance> kBalances[] = {
    {"aux_loss",        Moe::Balance::aux       },
    {"seq_aux_loss",    Moe::Balance::seq_aux   },
    {"global_aux_loss", Moe::Balance::global_aux},
    {"none",            Moe::Balance::none      }
};

/// One layer in so many, or a list with a number for each.
void which_layers(ConfigIo& io, std::vector<bool>& is_sparse, bool mixed) {
  constexpr std::string_view key = "moe_layer_freq";
  if (!io.reading()) {
    if (mixed) return flags(io, key, is_sparse);
    return io.put(key, 1);
  }
  const Tree* given = io.asked(key);
  if (given && given->is_list()) return flags(io, key, is_sparse);
  int64_t every = 1;
  size(io, key, every, 1);
  for (size_t i = 0; i < is_sparse.size(); ++i) is_sparse[i] = static_cast<int64_t>(i) % every == 0;
}

/// null stands for a number that changes nothing.
template <class T>
void unless_neutral(ConfigIo& io, std::string_view key, T& field, T neutral) {
  std::optional<T> given;
  if (field != neutral) given = field;
  io(key, given);
  field = given.value_or(neutral);
}

void router(ConfigIo& io, Moe& moe) {
  io.choice("moe_router_score_function", moe.score, kScores, Moe::Score::softmax);
  // Softmax before the choice leaves the chosen weights as they are; after it, they sum to 1. Of
  // sigmoids Megatron always makes the sum 1. It refuses one expert a token with the latter.
  bool before = moe.score == Moe::Score::sigmoid || !moe.norm_top_k || moe.top_k == 1;
  io("moe_router_pre_softmax", before, false);
  if (io.reading()) moe.norm_top_k = moe.score == Moe::Score::sigmoid || !before;
  unless_neutral(io, "moe_router_topk_scaling_factor", moe.routed_scale, 1.0);
  unless_neutral<int64_t>(io, "moe_router_num_groups", moe.groups, 1);
  unless_neutral<int64_t>(io, "moe_router_group_topk", moe.group_top_k, 1);
  io("moe_router_enable_expert_bias", moe.expert_bias, false);
  io.choice("moe_router_load_balancing_type", moe.balance, kBalances, Moe::Balance::aux);
  io("moe_aux_loss_coeff", moe.aux_coefficient, 0);
}

}  // namespace

void expert_fields(ConfigIo& io, const Arch& arch, MegatronLayers& layers) {
  Moe& moe = layers.sparse;
  const bool writes = !io.reading() && layers.any_sparse();
  std::optional<int64_t> experts, width;
  if (writes) experts = moe.experts, width = moe.width;
  io("num_moe_experts", experts);
  io("moe_ffn_hidden_size", width);
  const bool some = experts.has_value();
  // How Bridge runs experts. Written for models without them, too, since one provider's own values
  // are others.
  io.put("moe_grouped_gemm", some);
  io.put("moe_permute_fusion", some);
  io.put("moe_token_dispatcher_type", some ? "alltoall" : "allgather");
  if (!some) {
    layers.is_sparse.assign(layers.is_sparse.size(), false);
    io.put("moe_router_topk", 2);  // Megatron's own value
    io.put("moe_router_load_balancing_type", "aux_loss");
    return;
  }
  size(io, "num_moe_experts", moe.experts);
  size(io, "moe_router_topk", moe.top_k, 2);
  which_layers(io, layers.is_sparse, layers.any_dense());
  unless_neutral<int64_t>(io, "moe_shared_expert_intermediate_size", moe.shared_width, 0);
  io("moe_shared_expert_gate", moe.shared_gate, false);
  router(io, moe);
  if (!io.reading()) return;
  int64_t usual = 0;
  if (!width) size(io, "ffn_hidden_size", usual);
  moe.width = width.value_or(usual);
  if (moe.width < 1 || moe.shared_width < 0 || moe.groups < 1 || moe.group_top_k < 1)
    io.malformed("moe_ffn_hidden_size", "and the other sizes of experts must be at least 1");
  check_experts(io, arch, moe);
}

}  // namespace bascule
