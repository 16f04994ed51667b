// AdamW (arXiv:1711.05101) over flat ranges, and what precedes it: the norm of gradients.
// Free functions without state; the results do not depend on the number of threads.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

struct AdamW {
  double lr = 0, weight_decay = 0;  // decay is apart from the gradient, times lr
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  int64_t step = 1;           // from 1, for the correction of bias
  double gradient_scale = 1;  // gradients are multiplied by it first
};

/// Updates one parameter and both its moments, all dense, of one dtype (fp32 or fp64) and shape:
///   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///   p = p (1 - lr weight_decay) - lr (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
/// rounded as torch.optim.AdamW(fused=True) does on x86-64: with a gradient_scale of 1 the results
/// are the same to the bit.
void adamw(const at::Tensor& parameters, const at::Tensor& gradients, const at::Tensor& first,
           const at::Tensor& second, const AdamW& rule);

/// The same for bf16 parameters whose masters are kept with `remainders` (masters.h), all dense;
/// gradients and moments are fp32.
void adamw(const at::Tensor& parameters, const at::Tensor& remainders, const at::Tensor& gradients,
           const at::Tensor& first, const at::Tensor& second, const AdamW& rule);

/// The sum of squares, in double precision, in an order of its own.
double sum_of_squares(const at::Tensor& gradients);

}  // namespace bascule
