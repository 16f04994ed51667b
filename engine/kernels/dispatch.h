// Tokens brought to the experts that they chose, and back. Free functions without state. On a GPU
// nothing waits for the device: who goes where is known there only.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "kernels/router.h"

namespace bascule {

/// Entry t top_k + j is token t's j-th choice. Rows are entries in order of their experts, those of
/// one expert in their own order; the entries that no expert takes (Routing::kept) come last.
struct Dispatch {
  at::Tensor ends;     // [experts] int32: expert e has the rows from ends[e - 1] to ends[e]
  at::Tensor entries;  // [rows] int32: the entry of each row
  at::Tensor rows;     // [tokens, top_k] int32: the row of each entry
};

Dispatch dispatch(const Routing& routing, int64_t experts);

/// What tokens [tokens, width] have, for each row: [rows, width].
at::Tensor gather(const at::Tensor& tokens, const Dispatch& dispatch);

/// The sum of each token's rows, in order of choice, times `weights` [tokens, top_k] where defined,
/// and of `plus`, [tokens, width] each and of `parts`' dtype: [tokens, width]. Added up in
/// compute_type(), and rounded once. Rows beyond the last end may hold anything.
at::Tensor combine(const at::Tensor& parts, const Dispatch& dispatch, const at::Tensor& weights,
                   const std::vector<at::Tensor>& plus = {});

/// The weights' gradients, [tokens, top_k], where row r of `inner` [rows, width] is the gradient of
/// row r of `values` [rows, width] times its weight: the sums of their products. Multiplies both by
/// the weights, in place.
at::Tensor weigh(const at::Tensor& inner, const at::Tensor& values, const Dispatch& dispatch,
                 const at::Tensor& weights);

}  // namespace bascule
