// log(sum(exp(z))) over the last dimension. A free function without state.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// Of meta tensors too, for which ATen has no kernel; it takes as much again while it works.
inline at::Tensor log_sum_exp(const at::Tensor& z) {
  if (!z.is_meta()) return z.logsumexp(-1);
  const at::Tensor scratch = at::empty_like(z);
  return at::empty(z.sizes().slice(0, static_cast<size_t>(z.dim() - 1)), z.options());
}

}  // namespace bascule
