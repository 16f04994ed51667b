#include "kernels/cuda/kernels.h"

#include <cmath>

#include "base/check.h"
#include "kernels/cuda/arrays.h"

namespace bascule::cuda {
namespace {

using at::Tensor;

Curve curve_of(Activation kind) {
  switch (kind) {
    case Activation::silu:
      return Curve::silu;
    case Activation::gelu:
      return Curve::gelu;
    case Activation::gelu_tanh:
      return Curve::gelu_tanh;
    case Activation::quick_gelu:
      return Curve::quick_gelu;
    case Activation::relu:
      return Curve::relu;
    case Activation::relu2:
      return Curve::relu2;
  }
  fail(Kind::internal, "activation {} does not exist", static_cast<int>(kind));
}

ActivationShape activation_shape(bool gated, const Tensor& x) {
  const int64_t width = x.size(-1) / (gated ? 2 : 1);
  return {.rows = x.numel() / x.size(-1), .width = width, .gated = gated};
}

/// Strides of x seen as [tokens, groups, heads, dim].
HeadsStrides strides_of(const Tensor& x, int64_t heads) {
  if (x.dim() == 4) return {x.stride(0), x.stride(1), x.stride(2)};
  return {x.stride(0), x.stride(1) * heads, x.stride(1)};
}

/// x, where its rows lie as NormShape can say; or a copy.
Tensor rows_of(const Tensor& x) {
  const bool heads = (x.dim() == 3 || x.dim() == 4) && x.stride(-1) == 1;
  return heads ? x : x.contiguous();
}

/// Of what rows_of() gives.
NormShape norm_shape(const Norm& norm, const Tensor& x) {
  NormShape shape{.rows = x.numel() / x.size(-1),
                  .width = static_cast<int>(x.size(-1)),
                  .eps = static_cast<float>(norm.eps),
                  .centre = norm.zero_centred ? 1.0f : 0.0f,
                  .strides = {.token = x.size(-1)}};
  if (x.is_contiguous()) return shape;
  shape.groups = static_cast<int>(x.size(1));
  shape.heads = x.dim() == 4 ? static_cast<int>(x.size(2)) : 1;
  shape.strides = strides_of(x, 1);
  return shape;
}

/// A weight as the kernels take it: of x's dtype, or fp32.
Tensor gain(const Tensor& weight, const Tensor& x) {
  return weight.scalar_type() == x.scalar_type() ? weight : weight.to(at::kFloat);
}

}  // namespace

Tensor activation_forward(Activation kind, bool gated, const Tensor& x) {
  const Tensor in = x.contiguous();
  std::vector<int64_t> sizes = in.sizes().vec();
  if (gated) sizes.back() /= 2;
  Tensor y = at::empty(sizes, in.options());
  if (in.is_meta()) return y;
  activation_forward(curve_of(kind), activation_shape(gated, in), array(in), array(y), stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return y;
}

Tensor activation_backward(Activation kind, bool gated, const Tensor& dy, const Tensor& x) {
  const Tensor in = x.contiguous(), dout = dy.contiguous();
  Tensor dx = at::empty_like(in);
  if (in.is_meta()) return dx;
  activation_backward(curve_of(kind), activation_shape(gated, in), array(dout), array(in),
                      array(dx), stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dx;
}

Tensor rms_forward(const Norm& norm, const Tensor& x, const Tensor& weight,
                   NormStatistics& statistics) {
  const Tensor in = rows_of(x), w = gain(weight, x);
  Tensor y = at::empty(in.sizes(), in.options());
  std::vector<int64_t> sizes = in.sizes().vec();
  sizes.back() = 1;
  statistics.scale = at::empty(sizes, in.options().dtype(at::kFloat));
  if (in.is_meta()) return y;
  rms_forward(norm_shape(norm, in), array(in), array(w), array(y), data<float>(statistics.scale),
              stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return y;
}

NormGradients rms_backward(const Norm& norm, const Tensor& dy, const Tensor& x,
                           const Tensor& weight, const NormStatistics& statistics,
                           const Tensor& plus, const Tensor& into) {
  const bool alike = into.defined() && into.strides() == x.strides();
  const Tensor in = alike ? rows_of(x) : x.contiguous();
  const Tensor dout = dy.contiguous(), w = gain(weight, x);
  const Tensor more = plus.defined() ? plus.contiguous() : plus;
  const NormShape shape = norm_shape(norm, in);
  const auto wide = in.options().dtype(at::kFloat);
  NormGradients gradients;
  gradients.x = alike && in.is_same(x) ? into : at::empty_like(in);
  gradients.weight = at::empty({shape.width}, wide);
  const Tensor partial = at::empty({rms_parts(shape), shape.width}, wide);
  if (in.is_meta()) return gradients;
  rms_backward(shape,
               {.dy = array(dout),
                .x = array(in),
                .w = array(w),
                .plus = array(more),
                .dx = array(gradients.x),
                .scales = data<float>(statistics.scale),
                .partial = data<float>(partial),
                .dw = data<float>(gradients.weight)},
               stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  if (into.defined() && !gradients.x.is_same(into)) into.copy_(gradients.x);
  return gradients;
}

void turn(const Tensor& out, const Tensor& x, const RopeTable& table, double sign) {
  const Tensor in = x.stride(-1) == 1 ? x : x.contiguous();
  require(
      out.stride(-1) == 1 && out.numel() == in.numel() && table.cosines.scalar_type() == at::kFloat,
      Kind::internal, "rope writes {} values to {}", in.numel(), out.numel());
  const Tensor cosines = table.cosines.contiguous(), sines = table.sines.contiguous();
  if (in.is_meta()) return;
  const Tensor& split = in.dim() == 4 ? in : out;  // who says how heads are grouped
  const int64_t groups = split.size(1), heads = split.dim() == 4 ? split.size(2) : 1;
  const HeadsShape shape{.tokens = in.size(0),
                         .groups = static_cast<int>(groups),
                         .heads = static_cast<int>(heads),
                         .dim = static_cast<int>(in.size(-1))};
  turn(shape,
       {.in = array(in),
        .out = array(out),
        .in_strides = strides_of(in, heads),
        .out_strides = strides_of(out, heads),
        .cosines = data<float>(cosines),
        .sines = data<float>(sines),
        .half = static_cast<int>(cosines.size(-1)),
        .sign = static_cast<float>(sign)},
       stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

Tensor cross_entropy(Tensor& logits, const Tensor& labels, const Tensor& weights,
                     std::optional<double> soft_cap, std::optional<double> scale) {
  logits = logits.contiguous();
  const Tensor dense_labels = labels.contiguous();
  const Tensor dense_weights = weights.to(at::kFloat).contiguous();
  Tensor losses = at::empty({logits.size(0)}, logits.options().dtype(at::kFloat));
  if (logits.is_meta()) return losses;
  cross_entropy({.logits = array(logits),
                 .labels = data<int64_t>(dense_labels),
                 .weights = data<float>(dense_weights),
                 .losses = data<float>(losses),
                 .rows = logits.size(0),
                 .vocabulary = logits.size(1),
                 .soft_cap = static_cast<float>(soft_cap.value_or(0)),
                 .scale = static_cast<float>(scale.value_or(1)),
                 .gradient = scale.has_value()},
                stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return losses;
}

void embedding_backward(const Tensor& gradient, const Tensor& dout, const Tensor& tokens,
                        double factor) {
  const auto [sorted, order] = at::sort(tokens, /*stable=*/true, 0, /*descending=*/false);
  const Tensor dy = dout.contiguous();
  if (dy.is_meta()) return;
  embedding_backward({.gradient = data<float>(gradient),
                      .dy = array(dy),
                      .tokens = data<int64_t>(sorted),
                      .order = data<int64_t>(order),
                      .count = tokens.size(0),
                      .width = gradient.size(1),
                      .factor = static_cast<float>(factor)},
                     stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void adamw(const AdamWState& state, const AdamW& rule, const Tensor& scale) {
  const auto step = static_cast<double>(rule.step);
  const AdamWRates rates{
      .keep = static_cast<float>(1 - rule.lr * rule.weight_decay),
      .beta1 = static_cast<float>(rule.beta1),
      .beta2 = static_cast<float>(rule.beta2),
      .rest1 = static_cast<float>(1 - rule.beta1),
      .rest2 = static_cast<float>(1 - rule.beta2),
      .size = static_cast<float>(rule.lr / (1 - std::pow(rule.beta1, step))),
      .root = static_cast<float>(std::sqrt(1 - std::pow(rule.beta2, step))),
      .eps = static_cast<float>(rule.eps),
  };
  adamw({.values = array(state.values),
         .remainders = state.remainders.defined() ? data<int16_t>(state.remainders) : nullptr,
         .gradients = data<float>(state.gradients),
         .first = data<float>(state.first),
         .second = data<float>(state.second),
         .count = state.values.numel(),
         .ends = data<int64_t>(state.ends),
         .rules = data<uint8_t>(state.rules),
         .ranges = static_cast<int>(state.ends.numel()),
         .scale = data<double>(scale)},
        rates, stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

Tensor sum_of_squares(const Tensor& gradients) {
  const auto wide = gradients.options().dtype(at::kDouble);
  const Tensor partial = at::empty({kSquareParts}, wide);
  Tensor sum = at::empty({}, wide);
  sum_of_squares(data<float>(gradients), gradients.numel(), data<double>(partial),
                 data<double>(sum), stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return sum;
}

}  // namespace bascule::cuda
