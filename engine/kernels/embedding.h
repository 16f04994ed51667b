// The gradient of an embedding. A free function without state.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// Adds factor * dout [tokens, width], computed in compute_type(), to the rows of `gradient`
/// [vocabulary, width] that `tokens` [tokens] (int64) name. Tokens that occur twice add up in order
/// of place, so that the result is always the same.
void embedding_backward(const at::Tensor& gradient, const at::Tensor& dout,
                        const at::Tensor& tokens, double factor);

}  // namespace bascule
