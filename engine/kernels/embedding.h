// Rows of an embedding, and their gradient. Free functions without state.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// [tokens, width]: the rows of `weight` [vocabulary, width] that `tokens` [tokens] (int64) name.
at::Tensor embedding_forward(const at::Tensor& weight, const at::Tensor& tokens);

/// Adds factor * dout [tokens, width], computed in compute_type(), to the rows of `gradient`
/// [vocabulary, width] that `tokens` [tokens] (int64) name. Tokens that occur twice add up in order
/// of place, so that the result is always the same.
void embedding_backward(const at::Tensor& gradient, const at::Tensor& dout,
                        const at::Tensor& tokens, double factor);

}  // namespace bascule
