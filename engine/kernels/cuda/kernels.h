// Tensors' entrance to the CUDA kernels, for the free functions of this folder's parent. What each
// computes is said there. On the current stream; nothing waits for the device. Of meta tensors the
// results are allocated and nothing is computed.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/cuda/update_rules.h"
#include "kernels/device.h"
#include "kernels/dispatch.h"
#include "kernels/norm.h"
#include "kernels/rope.h"

namespace bascule::cuda {

/// Whether this build has kernels for GPUs. Calls of what follows stand behind `if constexpr`.
inline constexpr bool kBuilt = BASCULE_HAS_CUDA;

/// Whether the kernels take x; what they do not take, ATen's operations compute.
inline bool serves(const at::Tensor& x) {
  return kBuilt && on_gpu(x) && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor activation_forward(Activation kind, bool gated, const at::Tensor& x);
at::Tensor activation_backward(Activation kind, bool gated, const at::Tensor& dy,
                               const at::Tensor& x);

/// RMSNorm without a bias is what the kernels know.
inline bool serves(const Norm& norm, const at::Tensor& x, bool has_bias) {
  return serves(x) && norm.kind == Norm::Kind::rms && !has_bias;
}
at::Tensor rms_forward(const Norm& norm, const at::Tensor& x, const at::Tensor& weight,
                       NormStatistics& statistics);
NormGradients rms_backward(const Norm& norm, const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const NormStatistics& statistics,
                           const at::Tensor& plus, const at::Tensor& into);

/// Writes x turned by the angles, or back, to `out`. Both are [tokens, heads, dim] or [tokens,
/// groups, heads, dim], of any strides.
void turn(const at::Tensor& out, const at::Tensor& x, const RopeTable& table, double sign);

at::Tensor cross_entropy(at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights,
                         std::optional<double> soft_cap, std::optional<double> scale);

void embedding_backward(const at::Tensor& gradient, const at::Tensor& dout,
                        const at::Tensor& tokens, double factor);

/// cuDNN's kernel, or the flash kernel where there is a window, or where results must be the same
/// in every run. bf16 and whole multiples of 8 dimensions only.
bool attends(const AttentionInput& input, const AttentionRule& rule);
AttentionOutput attention_forward(const AttentionInput& input, const AttentionRule& rule);
AttentionInput attention_backward(const at::Tensor& dout, const AttentionInput& input,
                                  const AttentionOutput& output, const AttentionRule& rule);

/// Whether the kernels for routers know so many experts and choices.
bool routes(const Moe& moe, const at::Tensor& scores);
/// As route() and route_in_turn() of kernels/router.h; experts in groups are not known.
Routing route(const Moe& moe, const at::Tensor& logits, const at::Tensor& bias, bool in_turn);
at::Tensor route_backward(const Moe& moe, const at::Tensor& dweights, const Routing& routing);
/// `factor` is that of the counts, for the gradient of probabilities.
at::Tensor balance_backward(const Moe& moe, const Routing& routing, const at::Tensor& chosen,
                            double factor);

/// As in kernels/dispatch.h.
Dispatch dispatch(const Routing& routing, int64_t experts);
at::Tensor gather(const at::Tensor& tokens, const Dispatch& dispatch);
at::Tensor combine(const at::Tensor& parts, const Dispatch& dispatch, const at::Tensor& weights,
                   const std::vector<at::Tensor>& plus);
at::Tensor weigh(const at::Tensor& inner, const at::Tensor& values, const Dispatch& dispatch,
                 const at::Tensor& weights);

/// Whether products of groups of rows are made without waiting for the device: of bf16, dense in
/// one of the last two dimensions, in whole packs of 16 bytes.
bool groups(at::TensorList tensors);
/// Whether sums of such products are added to these gradients: fp32, of the same kind.
bool sums_up(const at::Tensor& gradients);
void add_grouped_products(const at::Tensor& gradients, const at::Tensor& dy, const at::Tensor& x,
                          const at::Tensor& ends, bool overwrites, at::Tensor* squares);

/// An arena that is updated in one pass.
struct AdamWState {
  at::Tensor values;                    // [elements]: fp32, or bf16 with remainders (masters.h)
  at::Tensor remainders;                // int16, or undefined
  at::Tensor gradients, first, second;  // fp32
  at::Tensor ends, rules;               // [ranges] int64 and uint8, on the device: as AdamWArena's
};
/// `scale` is a scalar in fp64 on the device, in place of rule.gradient_scale; where it is not a
/// number, nothing is changed.
void adamw(const AdamWState& state, const AdamW& rule, const at::Tensor& scale);

/// A scalar in fp64 on the device.
at::Tensor sum_of_squares(const at::Tensor& gradients);

}  // namespace bascule::cuda
