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

/// The same bits, of a matrix, a few rows at a time, so that it takes little while it works.
inline at::Tensor log_sum_exp_by_rows(const at::Tensor& z) {
  constexpr int64_t kRows = 16;
  const int64_t rows = z.size(0);
  at::Tensor out = at::empty({rows}, z.options());
  for (int64_t at = 0, count = 0; at < rows; at += count) {
    count = rows - at < 2 * kRows ? rows - at : kRows;  // of one row ATen would add up differently
    out.narrow(0, at, count).copy_(log_sum_exp(z.narrow(0, at, count)));
  }
  return out;
}

}  // namespace bascule
