// Activations of feed-forward blocks, plain and gated (arXiv:2002.05202), with their gradients.
// Free functions without state. Computed in compute_type() and rounded once.
#pragma once

#include <ATen/ATen.h>

#include "model/arch.h"

namespace bascule {

/// Plain: f(x), of x's shape. Gated: x is [..., 2 f], gate first, and the result f(gate) * up is
/// [..., f].
at::Tensor activation_forward(Activation kind, bool gated, const at::Tensor& x);

/// The gradient of x, in its dtype.
at::Tensor activation_backward(Activation kind, bool gated, const at::Tensor& dy,
                               const at::Tensor& x);

}  // namespace bascule
