// Causal attention, with its gradient: grouped queries, windows, soft caps, sinks.
// Free functions without state.
#pragma once

#include <ATen/ATen.h>

#include <optional>

namespace bascule {

struct AttentionRule {
  double scale = 1;                     // of the scores
  std::optional<int64_t> window = {};   // keys a query sees, itself included
  std::optional<double> soft_cap = {};  // scores become cap * tanh(score / cap) (arXiv:2408.00118)
};

/// Queries [sequences, heads, length, dim]; keys and values [sequences, kv heads, length, dim],
/// each serving heads / kv heads neighbouring queries. `sinks` [heads], or undefined: a logit a
/// head that joins the softmax and has no value (arXiv:2309.17453). `documents` [sequences, length]
/// int64, or undefined: the first key that each token may see, where its document begins.
struct AttentionInput {
  at::Tensor queries, keys, values, sinks;
  at::Tensor documents = {};
};

struct AttentionOutput {
  at::Tensor out;  // as the queries
  at::Tensor
      log_sum;  // of the exponentials of each row: [sequences, heads, length], compute_type()
};
AttentionOutput attention_forward(const AttentionInput& input, const AttentionRule& rule);

/// The gradients of queries, keys, values (in their dtype) and sinks (in compute_type()).
AttentionInput attention_backward(const at::Tensor& dout, const AttentionInput& input,
                                  const AttentionOutput& output, const AttentionRule& rule);

/// The same by plain matrix products, on any device and dtype: what kernels are tested against, and
/// what serves rules that they do not know.
AttentionOutput attention_forward_reference(const AttentionInput& input, const AttentionRule& rule);
AttentionInput attention_backward_reference(const at::Tensor& dout, const AttentionInput& input,
                                            const AttentionOutput& output,
                                            const AttentionRule& rule);

}  // namespace bascule
