// RMSNorm (arXiv:1910.07467) and LayerNorm (arXiv:1607.06450) over the last dimension, with their
// gradients. Free functions without state. Computed in compute_type() and rounded once.
#pragma once

#include <ATen/ATen.h>

#include "model/arch.h"

namespace bascule {

/// What the backward of a norm needs of its forward: [..., 1] each, in compute_type().
struct NormStatistics {
  at::Tensor mean;   // undefined for RMSNorm
  at::Tensor scale;  // 1 / sqrt(variance + eps)
};

/// Returns (x - mean) * scale * gain + bias in x's dtype; `gain` is w, or 1 + w where the norm is
/// zero-centred. x: [..., n], weight: [n], bias: [n] or undefined.
at::Tensor norm_forward(const Norm& norm, const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, NormStatistics& statistics);

struct NormGradients {
  at::Tensor x;             // in x's dtype
  at::Tensor weight, bias;  // [n] in compute_type(); bias is undefined without one
};
/// `plus`, where given, is added to the gradient of x: that of the stream beside the norm. `into`,
/// where given, comes to hold that gradient; of any strides.
NormGradients norm_backward(const Norm& norm, const at::Tensor& dy, const at::Tensor& x,
                            const at::Tensor& weight, bool has_bias,
                            const NormStatistics& statistics, const at::Tensor& plus = {},
                            const at::Tensor& into = {});

}  // namespace bascule
