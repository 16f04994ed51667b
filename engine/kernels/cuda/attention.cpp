#include "kernels/cuda/kernels.h"

namespace bascule::cuda {
namespace {

using at::Tensor;

constexpr int64_t kDims = 8;        // head sizes are multiples of it
constexpr int64_t kCudnnDim = 128;  // the largest that its backward knows
constexpr int64_t kFlashDim = 256;

/// The window, where it hides anything.
std::optional<int64_t> window_of(const AttentionInput& input, const AttentionRule& rule) {
  if (!rule.window || *rule.window >= input.queries.size(2)) return std::nullopt;
  return rule.window;
}

/// cuDNN's is faster, knows neither windows nor sequences of one token, and adds up gradients in
/// any order.
bool by_cudnn(const AttentionInput& input, const AttentionRule& rule) {
  return !window_of(input, rule) && input.queries.size(3) <= kCudnnDim &&
         input.queries.size(2) > 1 && !at::globalContext().deterministicAlgorithms();
}

/// Room for the state of a random generator, which nothing without dropout reads.
Tensor no_seed(const Tensor& like, at::IntArrayRef shape) {
  return at::empty(shape, like.options().dtype(at::kLong));
}

/// The flash kernel's layout, [sequences, length, heads, dim], a view; and back.
Tensor swapped(const Tensor& x) { return x.transpose(1, 2); }

AttentionOutput flash_forward(const AttentionInput& input, const AttentionRule& rule) {
  const int64_t length = input.queries.size(2);
  std::optional<int64_t> left, right;
  if (const auto window = window_of(input, rule)) {
    left = *window - 1;
    right = 0;
  }
  const auto results = at::_flash_attention_forward(
      swapped(input.queries), swapped(input.keys), swapped(input.values), std::nullopt,
      std::nullopt, length, length, 0.0, /*is_causal=*/true, /*return_debug_mask=*/false,
      rule.scale, left, right);
  return {swapped(std::get<0>(results)), std::get<1>(results)};
}

AttentionInput flash_backward(const Tensor& dout, const AttentionInput& input,
                              const AttentionOutput& output, const AttentionRule& rule) {
  const int64_t length = input.queries.size(2);
  std::optional<int64_t> left, right;
  if (const auto window = window_of(input, rule)) {
    left = *window - 1;
    right = 0;
  }
  const auto [dq, dk, dv] = at::_flash_attention_backward(
      swapped(dout), swapped(input.queries), swapped(input.keys), swapped(input.values),
      swapped(output.out), output.log_sum, Tensor(), Tensor(), length, length, 0.0,
      /*is_causal=*/true, no_seed(dout, {2}), no_seed(dout, {}), rule.scale, left, right);
  return {swapped(dq), swapped(dk), swapped(dv), {}};
}

/// What the kernels allocate, of meta tensors.
AttentionOutput sized_forward(const AttentionInput& input) {
  const auto wide = input.queries.options().dtype(at::kFloat);
  return {at::empty_like(input.queries), at::empty(input.queries.sizes().slice(0, 3), wide)};
}

AttentionInput sized_backward(const AttentionInput& input) {
  const auto wide = input.queries.options().dtype(at::kFloat);
  AttentionInput gradients{
      at::empty_like(input.queries), at::empty_like(input.keys), at::empty_like(input.values), {}};
  // Scratch: the gradient of the queries is added up in fp32, beside a sum a row.
  const Tensor sums = at::empty(input.queries.sizes(), wide);
  const Tensor rows = at::empty(input.queries.sizes().slice(0, 3), wide);
  return gradients;
}

}  // namespace

bool attends(const AttentionInput& input, const AttentionRule& rule) {
  const Tensor& queries = input.queries;
  return kBuilt && on_gpu(queries) && queries.scalar_type() == at::kBFloat16 &&
         queries.size(3) % kDims == 0 && queries.size(3) <= kFlashDim && !rule.soft_cap &&
         !input.sinks.defined() && !input.documents.defined();
}

AttentionOutput attention_forward(const AttentionInput& input, const AttentionRule& rule) {
  if (input.queries.is_meta()) return sized_forward(input);
  if (!by_cudnn(input, rule)) return flash_forward(input, rule);
  const auto results = at::_scaled_dot_product_cudnn_attention(
      input.queries, input.keys, input.values, std::nullopt, /*compute_log_sumexp=*/true, 0.0,
      /*is_causal=*/true, /*return_debug_mask=*/false, rule.scale);
  return {std::get<0>(results), std::get<1>(results).reshape(input.queries.sizes().slice(0, 3))};
}

AttentionInput attention_backward(const Tensor& dout, const AttentionInput& input,
                                  const AttentionOutput& output, const AttentionRule& rule) {
  if (dout.is_meta()) return sized_backward(input);
  if (!by_cudnn(input, rule)) return flash_backward(dout, input, output, rule);
  const int64_t length = input.queries.size(2);
  const auto [dq, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
      dout, input.queries, input.keys, input.values, output.out, output.log_sum.unsqueeze(-1),
      no_seed(dout, {}), no_seed(dout, {}), Tensor(), Tensor(), Tensor(), length, length, 0.0,
      /*is_causal=*/true, rule.scale);
  return {dq, dk, dv, {}};
}

}  // namespace bascule::cuda
