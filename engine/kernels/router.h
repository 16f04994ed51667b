// Which experts a token goes to, with what weight, and the gradient of that. Free functions.
// Computed in compute_type() of the logits.
#pragma once

#include <ATen/ATen.h>

#include "model/arch.h"

namespace bascule {

struct Routing {
  at::Tensor scores;   // [tokens, experts]: softmax or sigmoid of the logits
  at::Tensor experts;  // [tokens, top_k] int64, chosen
  at::Tensor weights;  // [tokens, top_k]
};

/// Chooses the top_k experts by score (plus `bias` [experts], where the model has one, which only
/// the choice sees; within the best groups, where experts are grouped), ties to the lower index.
/// The weights are the chosen scores, made to sum to 1 where norm_top_k, times routed_scale
/// (arXiv:2412.19437, section 2.1.2).
Routing route(const Moe& moe, const at::Tensor& logits, const at::Tensor& bias);

/// The gradient of the logits for that of the weights.
at::Tensor route_backward(const Moe& moe, const at::Tensor& dweights, const Routing& routing);

/// What is added to the logits' gradient for the balancing loss of one micro-batch: `coefficient`
/// times experts / (top_k T^2) times the sum over experts of (tokens chosen) * (sum of
/// probabilities), T the tokens of a group; groups are the whole micro-batch (`sequences` 1) or
/// each sequence, whose losses are averaged (Megatron's aux_loss, seq_aux_loss; arXiv:2101.03961).
at::Tensor balance_backward(const Moe& moe, const at::Tensor& logits, const Routing& routing,
                            int64_t sequences, double coefficient);

}  // namespace bascule
