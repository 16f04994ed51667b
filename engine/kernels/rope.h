// Rotary position embedding (arXiv:2104.09864) in its kinds, with its gradient. The halves of the
// rotated part are paired, as transformers and Megatron do by default. Free functions.
#pragma once

#include <ATen/ATen.h>

#include "model/arch.h"

namespace bascule {

/// Cosines and sines, [positions, rotated dims / 2] in compute_type(). Both carry the attention
/// factor of the scaling (yarn).
struct RopeTable {
  at::Tensor cosines, sines;
};

/// The angles of positions [n] (int64) for heads of `head_dim`; `theta` is the base to use. With
/// `type` fp32 all is computed in fp32, as transformers and Megatron do: at long positions the
/// rounding of their frequencies is part of the model. Scaling: linear and llama3 as published with
/// the models, yarn as arXiv:2309.00071. Throws Error{unsupported} on dynamic and longrope.
RopeTable rope_table(const Rope& rope, double theta, int64_t head_dim, const at::Tensor& positions,
                     at::ScalarType type);

/// Turns x by the angles of its tokens; what exceeds the rotated part passes. x is [tokens, heads,
/// head_dim], or [tokens, groups, heads, head_dim], whose heads are counted through in the result,
/// which is dense [tokens, heads, head_dim]. Computed in compute_type() and rounded once.
at::Tensor rope_forward(const at::Tensor& x, const RopeTable& table);

/// The gradient: the same turn backwards.
at::Tensor rope_backward(const at::Tensor& dy, const RopeTable& table);

/// The same into `out`, of either form.
void rope_backward_into(const at::Tensor& out, const at::Tensor& dy, const RopeTable& table);

}  // namespace bascule
