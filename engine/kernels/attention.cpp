#include "kernels/attention.h"

#include <limits>
#include <tuple>

#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"
#include "kernels/device.h"
#include "kernels/log_sum.h"

namespace bascule {
namespace {

using at::Tensor;

/// True where a query may not look: later keys, and those before its window or its document.
/// [length, length], or with documents [sequences, 1, length, length]
Tensor hidden_keys(const AttentionInput& input, const AttentionRule& rule) {
  const int64_t length = input.queries.size(2);
  const at::TensorOptions whole = at::TensorOptions(at::kLong).device(input.queries.device());
  const Tensor places = at::arange(length, whole);
  const Tensor distance = places.unsqueeze(1) - places.unsqueeze(0);
  Tensor hidden = distance < 0;
  if (rule.window) hidden.bitwise_or_(distance >= *rule.window);
  if (!input.documents.defined()) return hidden;
  return (places < input.documents.view({-1, 1, length, 1})).bitwise_or_(hidden);
}

/// [sequences, kv heads, queries a key head * length, dim]
Tensor grouped(const Tensor& queries, int64_t kv_heads) {
  return queries.reshape({queries.size(0), kv_heads, -1, queries.size(3)});
}

/// The scores before the mask, capped: [sequences, kv heads, queries a key head * length, length]
Tensor scores(const Tensor& queries, const Tensor& keys, const AttentionRule& rule) {
  Tensor z = at::matmul(queries, keys.transpose(-1, -2)).mul_(rule.scale);
  if (rule.soft_cap) z.div_(*rule.soft_cap).tanh_().mul_(*rule.soft_cap);
  return z;
}

/// z as [sequences, heads, length, length], masked in place.
Tensor masked(const Tensor& z, const Tensor& shaped_like, const Tensor& hidden) {
  Tensor rows = z.view({shaped_like.size(0), shaped_like.size(1), shaped_like.size(2), -1});
  return rows.masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

// ATen's kernel for the CPU knows neither soft caps nor sinks, and wants as many keys as queries.
bool fast(const AttentionInput& input, const AttentionRule& rule) {
  return !on_gpu(input.queries) && !rule.soft_cap && !input.sinks.defined() &&
         input.queries.scalar_type() != at::kDouble;
}

Tensor repeated(const Tensor& keys, int64_t times) {
  return times == 1 ? keys : keys.repeat_interleave(times, 1);
}

/// What repeated() spread is gathered again.
Tensor folded(const Tensor& gradient, int64_t times) {
  if (times == 1) return gradient;
  return gradient.view({gradient.size(0), -1, times, gradient.size(2), gradient.size(3)}).sum(2);
}

/// What hides more than later keys.
std::optional<Tensor> own_mask(const AttentionInput& input, const AttentionRule& rule) {
  const bool window = rule.window && *rule.window < input.queries.size(2);
  if (!window && !input.documents.defined()) return std::nullopt;
  const Tensor hidden = hidden_keys(input, rule);
  return at::zeros(hidden.sizes(), input.queries.options())
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

}  // namespace

AttentionOutput attention_forward_reference(const AttentionInput& input,
                                            const AttentionRule& rule) {
  const at::ScalarType type = compute_type(input.queries);
  const int64_t kv_heads = input.keys.size(1);
  const Tensor values = input.values.to(type);
  Tensor rows = masked(scores(grouped(input.queries.to(type), kv_heads), input.keys.to(type), rule),
                       input.queries, hidden_keys(input, rule));
  AttentionOutput output;
  output.log_sum = log_sum_exp(rows);
  if (input.sinks.defined())
    output.log_sum = at::logaddexp(output.log_sum, input.sinks.to(type).view({1, -1, 1}));
  const Tensor weights = rows.sub_(output.log_sum.unsqueeze(-1)).exp_();
  output.out = at::matmul(weights.view({weights.size(0), kv_heads, -1, weights.size(3)}), values)
                   .view(input.queries.sizes())
                   .to(input.queries.scalar_type());
  return output;
}

AttentionInput attention_backward_reference(const Tensor& dout, const AttentionInput& input,
                                            const AttentionOutput& output,
                                            const AttentionRule& rule) {
  const at::ScalarType type = compute_type(input.queries);
  const int64_t kv_heads = input.keys.size(1);
  const Tensor queries = grouped(input.queries.to(type), kv_heads), keys = input.keys.to(type);
  const Tensor dy = dout.to(type);
  const Tensor capped = scores(queries, keys, rule);
  Tensor slope;  // of the soft cap
  if (rule.soft_cap) slope = 1 - (capped / *rule.soft_cap).square_();
  const Tensor weights = masked(capped, input.queries, hidden_keys(input, rule))
                             .sub_(output.log_sum.unsqueeze(-1))
                             .exp_();
  const Tensor inner = (dy * output.out.to(type)).sum(-1);  // [sequences, heads, length]
  const Tensor dweights = at::matmul(grouped(dy, kv_heads), input.values.to(type).transpose(-1, -2))
                              .view(weights.sizes());
  const Tensor grouped_weights = weights.view(capped.sizes());
  Tensor dscores = (dweights - inner.unsqueeze(-1)).mul_(weights).view(capped.sizes());
  if (slope.defined()) dscores.mul_(slope);
  dscores.mul_(rule.scale);

  AttentionInput gradients;
  gradients.queries = at::matmul(dscores, keys).view(input.queries.sizes()).to(dout.scalar_type());
  gradients.keys = at::matmul(dscores.transpose(-1, -2), queries).to(dout.scalar_type());
  gradients.values =
      at::matmul(grouped_weights.transpose(-1, -2), grouped(dy, kv_heads)).to(dout.scalar_type());
  if (input.sinks.defined()) {
    const Tensor share = (input.sinks.to(type).view({1, -1, 1}) - output.log_sum).exp();
    gradients.sinks = (share * inner).sum(at::IntArrayRef{0, 2}).neg_();
  }
  return gradients;
}

AttentionOutput attention_forward(const AttentionInput& input, const AttentionRule& rule) {
  if constexpr (cuda::kBuilt)
    if (cuda::attends(input, rule)) return cuda::attention_forward(input, rule);
  if (!fast(input, rule)) return attention_forward_reference(input, rule);
  const int64_t times = input.queries.size(1) / input.keys.size(1);
  const std::optional<Tensor> mask = own_mask(input, rule);
  const Tensor keys = repeated(input.keys, times), values = repeated(input.values, times);
  if (keys.is_meta())  // ATen has no such kernel for them
    return {at::empty_like(input.queries),
            at::empty(input.queries.sizes().slice(0, 3), keys.options().dtype(at::kFloat))};
  auto [out, log_sum] = at::_scaled_dot_product_flash_attention_for_cpu(
      input.queries, keys, values, 0.0, !mask, mask, rule.scale);
  return {out, log_sum};
}

AttentionInput attention_backward(const Tensor& dout, const AttentionInput& input,
                                  const AttentionOutput& output, const AttentionRule& rule) {
  if constexpr (cuda::kBuilt)
    if (cuda::attends(input, rule)) return cuda::attention_backward(dout, input, output, rule);
  if (!fast(input, rule)) return attention_backward_reference(dout, input, output, rule);
  const int64_t times = input.queries.size(1) / input.keys.size(1);
  const std::optional<Tensor> mask = own_mask(input, rule);
  const Tensor keys = repeated(input.keys, times), values = repeated(input.values, times);
  Tensor dq, dk, dv;
  if (dout.is_meta()) {
    dq = at::empty_like(input.queries);
    dk = at::empty_like(keys);
    dv = at::empty_like(values);
  } else {
    std::tie(dq, dk, dv) = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        dout, input.queries, keys, values, output.out, output.log_sum, 0.0, !mask, mask,
        rule.scale);
  }
  return {dq, folded(dk, times), folded(dv, times), {}};
}

}  // namespace bascule
