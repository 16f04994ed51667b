// Which experts a token goes to, with what weight, and the gradient of that. Free functions.
// Computed in compute_type() of the logits.
#pragma once

#include <ATen/ATen.h>

#include "model/arch.h"

namespace bascule {

struct Routing {
  at::Tensor scores;     // [tokens, experts]: softmax or sigmoid of the logits
  at::Tensor experts;    // [tokens, top_k] int64, chosen
  at::Tensor weights;    // [tokens, top_k]
  at::Tensor kept = {};  // [tokens, top_k] bool: the expert takes the token; undefined: all do
};

/// An expert takes ceil(factor * tokens * top_k / experts) tokens: those of the largest weights, or
/// the first. The weights of others do not grow (Megatron's moe_expert_capacity_factor).
struct Capacity {
  double factor = 1;
  bool drop_last = false;
};

/// Chooses the top_k experts by score (plus `bias` [experts], where the model has one, which only
/// the choice sees; within the best groups, where experts are grouped), ties to the lower index.
/// The weights are the chosen scores, made to sum to 1 where norm_top_k, times routed_scale
/// (arXiv:2412.19437, section 2.1.2).
Routing route(const Moe& moe, const at::Tensor& logits, const at::Tensor& bias);

/// The gradient of the logits for that of the weights.
at::Tensor route_backward(const Moe& moe, const at::Tensor& dweights, const Routing& routing);

/// Experts by turns, each as often as others, for measurements: token t's j-th is
/// (t top_k + j) mod experts.
Routing route_in_turn(const Moe& moe, const at::Tensor& logits);

/// Drops what is beyond the capacity: sets `kept`.
void limit(const Moe& moe, const Capacity& capacity, Routing& routing);

/// The tokens that chose each expert, or, with `taken`, that it takes: [sequences, experts].
at::Tensor counts(const Moe& moe, const Routing& routing, int64_t sequences, bool taken = false);

/// What is added to the logits' gradient for the balancing loss of one micro-batch: `coefficient`
/// times experts / (top_k T^2) times the sum over experts of `chosen` * (sum of probabilities), T
/// the tokens of a group; groups are the rows of `chosen`, counts of neighbouring tokens, and their
/// losses are averaged (Megatron's aux_loss, seq_aux_loss; arXiv:2101.03961).
at::Tensor balance_backward(const Moe& moe, const Routing& routing, const at::Tensor& chosen,
                            double coefficient);

/// The balancing loss that balance_backward() is the gradient of, its coefficient 1.
at::Tensor balance_loss(const Moe& moe, const Routing& routing, const at::Tensor& chosen);

/// The same for the z loss: `coefficient` times the mean of the squared logarithms of the sums of
/// the logits' exponentials (arXiv:2202.08906).
at::Tensor z_backward(const at::Tensor& logits, double coefficient);
at::Tensor z_loss(const at::Tensor& logits);

}  // namespace bascule
