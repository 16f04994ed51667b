// Products with the rows that each expert has, and those that gradients of weights are sums of.
// Free functions without state.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// Rows [ends[e - 1], ends[e]) of x [rows, in] times matrices[e], of [experts, in, out]; `ends`
/// [experts] int32. Rows beyond the last end may come to hold anything. For bf16 on a GPU of
/// compute capability 9 nothing waits for the device where sizes are whole multiples of 8.
at::Tensor grouped_mm(const at::Tensor& x, const at::Tensor& matrices, const at::Tensor& ends);

/// Adds dy^T x to a gradient [out, in], in its dtype: dy [rows, out], x [rows, in]. With
/// `overwrites`, what the gradient held is forgotten.
void add_products(const at::Tensor& gradient, const at::Tensor& dy, const at::Tensor& x,
                  bool overwrites = false);

/// Adds dy^T x of the rows of each expert e to gradients[e], of [experts, out, in]: dy [rows, out],
/// x [rows, in]. Products are summed up in the gradients' dtype. With `overwrites`, what the
/// gradients held is forgotten. For bf16 on a GPU nothing waits for the device where sizes are
/// whole multiples of 8; there `squares`, where given, comes to hold numbers in fp64 that add up to
/// the sum of squares of the gradients as this leaves them. Elsewhere it is left as it is.
void add_grouped_products(const at::Tensor& gradients, const at::Tensor& dy, const at::Tensor& x,
                          const at::Tensor& ends, bool overwrites = false,
                          at::Tensor* squares = nullptr);

}  // namespace bascule
