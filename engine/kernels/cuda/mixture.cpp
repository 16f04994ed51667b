// The kernels of a mixture of experts, as tensors.
#include <algorithm>

#include "base/check.h"
#include "kernels/cuda/arrays.h"
#include "kernels/cuda/kernels.h"

namespace bascule::cuda {
namespace {

using at::Tensor;

RowsShape rows_shape(const Dispatch& dispatch, int64_t width) {
  return {.tokens = dispatch.rows.size(0),
          .width = width,
          .top_k = static_cast<int>(dispatch.rows.size(1)),
          .experts = static_cast<int>(dispatch.ends.size(0))};
}

RouteShape route_shape(const Moe& moe, int64_t tokens) {
  return {.tokens = tokens,
          .experts = static_cast<int>(moe.experts),
          .top_k = static_cast<int>(moe.top_k),
          .sigmoid = moe.score == Moe::Score::sigmoid,
          .normalised = moe.norm_top_k,
          .scale = static_cast<float>(moe.routed_scale)};
}

/// Whether a tensor on a GPU is dense in one of the last two dimensions, and all that lies in a row
/// is whole packs of 8 that are aligned to 16 bytes.
bool in_packs(const Tensor& t) {
  constexpr int64_t kPack = 8;
  bool whole =
      on_gpu(t) && (t.is_meta() || reinterpret_cast<uintptr_t>(t.const_data_ptr()) % 16 == 0);
  bool dense = false;
  for (int64_t d = 1; d < t.dim(); ++d) whole = whole && t.size(d) % kPack == 0;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (d + 2 >= t.dim() && t.stride(d) == 1) dense = true;
    whole = whole && (t.stride(d) == 1 || t.stride(d) % kPack == 0);
  }
  return whole && dense;
}

}  // namespace

bool routes(const Moe& moe, const Tensor& scores) {
  return serves(scores) && moe.experts <= kRoutedExperts &&
         moe.top_k <= std::min<int64_t>(kRoutedChoices, moe.experts);
}

Routing route(const Moe& moe, const Tensor& logits, const Tensor& bias, bool in_turn) {
  const Tensor in = logits.contiguous();
  const Tensor wide = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  const auto options = in.options().dtype(at::kFloat);
  const int64_t tokens = in.size(0);
  const Routing routing{.scores = at::empty(in.sizes(), options),
                        .experts = at::empty({tokens, moe.top_k}, in.options().dtype(at::kLong)),
                        .weights = at::empty({tokens, moe.top_k}, options)};
  if (in.is_meta()) return routing;
  RouteShape shape = route_shape(moe, tokens);
  shape.in_turn = in_turn;
  route(shape,
        {.logits = array(in),
         .bias = wide.defined() ? data<float>(wide) : nullptr,
         .scores = data<float>(routing.scores),
         .experts = data<int64_t>(routing.experts),
         .weights = data<float>(routing.weights)},
        stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return routing;
}

Tensor route_backward(const Moe& moe, const Tensor& dweights, const Routing& routing) {
  const Tensor gradients = dweights.contiguous();
  Tensor dlogits = at::empty_like(routing.scores);
  if (dlogits.is_meta()) return dlogits;
  route_backward(route_shape(moe, routing.scores.size(0)),
                 {.scores = data<float>(routing.scores),
                  .weights = data<float>(routing.weights),
                  .dweights = data<float>(gradients),
                  .experts = data<int64_t>(routing.experts),
                  .dlogits = data<float>(dlogits)},
                 stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dlogits;
}

Tensor balance_backward(const Moe& moe, const Routing& routing, const Tensor& chosen,
                        double factor) {
  const Tensor counted = chosen.to(at::kFloat).contiguous();
  Tensor dlogits = at::empty_like(routing.scores);
  if (dlogits.is_meta()) return dlogits;
  route_backward(route_shape(moe, routing.scores.size(0)),
                 {.scores = data<float>(routing.scores),
                  .chosen = data<float>(counted),
                  .group = routing.scores.size(0) / counted.size(0),
                  .factor = static_cast<float>(factor),
                  .dlogits = data<float>(dlogits)},
                 stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dlogits;
}

Dispatch dispatch(const Routing& routing, int64_t experts) {
  const Tensor chosen = routing.experts.contiguous();
  const Tensor kept = routing.kept.defined() ? routing.kept.contiguous() : routing.kept;
  const auto whole = chosen.options().dtype(at::kInt);
  const int64_t count = chosen.numel();
  require(count < INT32_MAX, Kind::unsupported, "{} choices of experts are too many at a time",
          count);
  const Dispatch way{.ends = at::empty({experts}, whole),
                     .entries = at::empty({count}, whole),
                     .rows = at::empty(chosen.sizes(), whole)};
  if (chosen.is_meta()) return way;
  const Tensor partial = at::empty({dispatch_parts(count), experts + 1}, whole);
  dispatch({.entries = count, .experts = static_cast<int>(experts)},
           {.experts = data<int64_t>(chosen),
            .kept = kept.defined() ? data<bool>(kept) : nullptr,
            .ends = data<int>(way.ends),
            .entries = data<int>(way.entries),
            .rows = data<int>(way.rows),
            .partial = data<int>(partial)},
           stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return way;
}

Tensor gather(const Tensor& tokens, const Dispatch& dispatch) {
  const Tensor in = tokens.contiguous();
  Tensor out = at::empty({dispatch.entries.size(0), in.size(1)}, in.options());
  if (in.is_meta()) return out;
  gather(rows_shape(dispatch, in.size(1)), array(in), data<int>(dispatch.entries), array(out),
         stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

Tensor combine(const Tensor& parts, const Dispatch& dispatch, const Tensor& weights,
               const std::vector<Tensor>& plus) {
  const Tensor in = parts.contiguous();
  const Tensor wide = weights.defined() ? weights.to(at::kFloat).contiguous() : weights;
  Tensor out = at::empty({dispatch.rows.size(0), in.size(1)}, in.options());
  if (in.is_meta()) return out;
  Combine arrays{.parts = array(in),
                 .ends = data<int>(dispatch.ends),
                 .rows = data<int>(dispatch.rows),
                 .weights = wide.defined() ? data<float>(wide) : nullptr,
                 .out = array(out)};
  require(plus.size() <= kMostPlus, Kind::internal, "{} tensors are added", plus.size());
  for (size_t i = 0; i < plus.size(); ++i) {
    require(plus[i].is_contiguous() && plus[i].sizes() == out.sizes() &&
                plus[i].scalar_type() == out.scalar_type(),
            Kind::internal, "{} values are added to {}", plus[i].numel(), out.numel());
    arrays.plus[i] = plus[i].const_data_ptr();
  }
  combine(rows_shape(dispatch, in.size(1)), arrays, stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

Tensor weigh(const Tensor& inner, const Tensor& values, const Dispatch& dispatch,
             const Tensor& weights) {
  require(inner.is_contiguous() && values.is_contiguous() && inner.sizes() == values.sizes() &&
              inner.scalar_type() == values.scalar_type(),
          Kind::internal, "weights cannot act on {} values in place", values.numel());
  const Tensor wide = weights.to(at::kFloat).contiguous();
  Tensor dweights = at::empty_like(wide);
  if (inner.is_meta()) return dweights;
  weigh(rows_shape(dispatch, inner.size(1)),
        {.inner = array(inner),
         .values = array(values),
         .ends = data<int>(dispatch.ends),
         .entries = data<int>(dispatch.entries),
         .weights = data<float>(wide),
         .dweights = data<float>(dweights)},
        stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dweights;
}

bool groups(at::TensorList tensors) {
  return std::ranges::all_of(
      tensors, [](const Tensor& t) { return t.scalar_type() == at::kBFloat16 && in_packs(t); });
}

bool sums_up(const Tensor& gradients) {
  return gradients.scalar_type() == at::kFloat && in_packs(gradients);
}

void add_grouped_products(const Tensor& gradients, const Tensor& dy, const Tensor& x,
                          const Tensor& ends, bool overwrites, Tensor* squares) {
  const Tensor left = dy.contiguous(), right = x.contiguous();
  require(gradients.stride(1) == gradients.size(2) && gradients.stride(2) == 1 &&
              gradients.size(1) == left.size(1) && gradients.size(2) == right.size(1) &&
              gradients.size(0) == ends.size(0) && left.size(0) == right.size(0),
          Kind::internal, "products of {} x {} are added to {}", left.size(1), right.size(1),
          gradients.numel());
  const int in = static_cast<int>(right.size(1)), out = static_cast<int>(left.size(1));
  if (squares)
    *squares = at::zeros({ends.size(0), grouped_sums(in, out)}, left.options().dtype(at::kDouble));
  if (left.is_meta()) return;
  const GroupedProducts arrays{.gradients = data<float>(gradients),
                               .apart = gradients.stride(0),
                               .dy = left.const_data_ptr(),
                               .x = right.const_data_ptr(),
                               .ends = data<int>(ends),
                               .rows = left.size(0),
                               .experts = static_cast<int>(ends.size(0)),
                               .in = in,
                               .out = out,
                               .overwrites = overwrites,
                               .squares = squares ? data<double>(*squares) : nullptr,
                               .squares_each = grouped_sums(in, out)};
  if (!add_grouped_products_hopper(arrays, stream())) add_grouped_products(arrays, stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace bascule::cuda
