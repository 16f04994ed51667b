#include "kernels/dispatch.h"

#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"

namespace bascule {
namespace {

using at::Tensor;

/// [rows, 1]: whether an expert has the row.
Tensor taken(const Dispatch& dispatch) {
  const Tensor places = at::arange(dispatch.entries.size(0), dispatch.ends.options());
  return (places < dispatch.ends.slice(0, -1)).unsqueeze(1);
}

/// [rows]: what entries have.
Tensor by_row(const Tensor& by_entry, const Dispatch& dispatch) {
  return by_entry.flatten().index_select(0, dispatch.entries);
}

}  // namespace

Dispatch dispatch(const Routing& routing, int64_t experts) {
  if constexpr (cuda::kBuilt)
    if (on_gpu(routing.experts)) return cuda::dispatch(routing, experts);
  Tensor chosen = routing.experts.flatten();
  if (routing.kept.defined())
    chosen = chosen.masked_fill(routing.kept.logical_not().flatten(), experts);
  const auto [sorted, order] = at::sort(chosen, /*stable=*/true, 0, /*descending=*/false);
  const Tensor each = at::arange(experts, chosen.options());
  const Tensor places = at::arange(chosen.size(0), chosen.options());
  const Tensor rows = at::empty_like(places).scatter_(0, order, places);
  return {.ends = at::searchsorted(sorted, each, /*out_int32=*/true, /*right=*/true),
          .entries = order.to(at::kInt),
          .rows = rows.view(routing.experts.sizes()).to(at::kInt)};
}

Tensor gather(const Tensor& tokens, const Dispatch& dispatch) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(tokens)) return cuda::gather(tokens, dispatch);
  return tokens.index_select(0, dispatch.entries.floor_divide(dispatch.rows.size(1)));
}

Tensor combine(const Tensor& parts, const Dispatch& dispatch, const Tensor& weights,
               const std::vector<Tensor>& plus) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(parts)) return cuda::combine(parts, dispatch, weights, plus);
  Tensor wide = at::where(taken(dispatch), parts.to(compute_type(parts)), 0);
  if (weights.defined()) wide = wide * by_row(weights, dispatch).unsqueeze(1);
  Tensor sum = wide.index_select(0, dispatch.rows.flatten())
                   .view({dispatch.rows.size(0), dispatch.rows.size(1), -1})
                   .sum(1);
  for (const Tensor& each : plus) sum.add_(each);
  return sum.to(parts.scalar_type());
}

Tensor weigh(const Tensor& inner, const Tensor& values, const Dispatch& dispatch,
             const Tensor& weights) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(inner)) return cuda::weigh(inner, values, dispatch, weights);
  const auto type = compute_type(inner);
  const Tensor products = at::where(taken(dispatch), inner.to(type) * values.to(type), 0).sum(1);
  const Tensor weight = by_row(weights, dispatch).unsqueeze(1);
  for (const Tensor& each : {inner, values}) each.copy_(each.to(type) * weight);
  return products.index_select(0, dispatch.rows.flatten()).view(weights.sizes());
}

}  // namespace bascule
