// The loss of a chunk of logits and its gradient, in place. A free function without state.
#pragma once

#include <ATen/ATen.h>

#include <optional>

namespace bascule {

/// Takes logits [rows, vocabulary] of labels [rows] (int64), whose losses count by `weights` [rows]
/// (compute_type()). Returns the losses [rows] in compute_type(), unweighted, and, where `scale` is
/// given, turns `logits` into the gradient of scale * sum(weights * losses). `soft_cap`: the logits
/// become cap * tanh(logit / cap) first.
at::Tensor cross_entropy(at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights,
                         std::optional<double> soft_cap, std::optional<double> scale);

}  // namespace bascule
