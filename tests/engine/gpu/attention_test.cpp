// Attention on a GPU against its reference in fp64: cuDNN's kernel, the flash kernel, and matrix
// products for what neither knows.
#include "engine/attention_case.h"
#include "engine/gpu/on_gpu.h"

namespace bascule {
namespace {

using at::Tensor;

using Case = AttentionCase;

const Case kCases[] = {
    {"plain", 4, 4, 127, 64, {.scale = 0.125}},
    {"groups", 8, 2, 1024, 64, {.scale = 0.125}},
    {"wide heads", 4, 1, 513, 128, {.scale = 0.09}},
    {"small heads", 4, 2, 65, 8, {.scale = 0.3}},
    {"one token", 4, 2, 1, 64, {.scale = 0.125}},
    {"window", 4, 2, 300, 64, {.scale = 0.125, .window = 17}},
    {"window of one", 4, 4, 65, 64, {.scale = 0.125, .window = 1}},
    {"window beyond the end", 4, 2, 65, 64, {.scale = 0.125, .window = 900}},
    {"very wide heads", 4, 1, 129, 256, {.scale = 0.0625}},
    {"odd heads", 4, 2, 33, 20, {.scale = 0.2}},
    {"soft cap", 4, 2, 65, 64, {.scale = 0.125, .soft_cap = 2.5}},
    {"sinks", 4, 2, 65, 64, {.scale = 0.125}, true},
};

/// As a model has them: dense by token.
Both heads_on_gpu(const Case& c, int64_t heads, uint64_t seed, at::ScalarType type) {
  const Both x = random_on_gpu({2, c.length, heads, c.dim}, seed, type);
  return {x.gpu.transpose(1, 2), x.reference.transpose(1, 2)};
}

void check_attention(const Case& c, at::ScalarType type) {
  SCOPED_TRACE(testing::Message() << c.name << " " << type);
  const Both q = heads_on_gpu(c, c.heads, 1, type), k = heads_on_gpu(c, c.kv_heads, 2, type);
  const Both v = heads_on_gpu(c, c.kv_heads, 3, type), dout = heads_on_gpu(c, c.heads, 4, type);
  const Both sinks = random_on_gpu({c.heads}, 5, type);
  const AttentionInput ours{q.gpu, k.gpu, v.gpu, c.sinks ? sinks.gpu : Tensor()};
  const AttentionInput theirs{q.reference, k.reference, v.reference,
                              c.sinks ? sinks.reference : Tensor()};
  const double off = type == at::kFloat ? 1e-4 : 1.6e-2;  // of bf16 weights and values
  const AttentionOutput got = attention_forward(ours, c.rule);
  const AttentionOutput expected = attention_forward_reference(theirs, c.rule);
  expect_like(got.out, expected.out, off);
  expect_like(got.log_sum, expected.log_sum, 1e-3);
  const AttentionInput gradients = attention_backward(dout.gpu, ours, got, c.rule);
  const AttentionInput wanted =
      attention_backward_reference(dout.reference, theirs, expected, c.rule);
  expect_like(gradients.queries, wanted.queries, off);
  expect_like(gradients.keys, wanted.keys, off);
  expect_like(gradients.values, wanted.values, off);
  if (c.sinks) expect_like(gradients.sinks, wanted.sinks, off);
}

TEST(GpuAttention, IsTheReference) {
  for (const at::ScalarType type : kGpuTypes)
    for (const Case& c : kCases) check_attention(c, type);
}

TEST(GpuAttention, IsTheSameInEveryRunWhereAsked) {
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  for (const Case& c : kCases) check_attention(c, at::kBFloat16);
  const Case& c = kCases[1];
  const Both q = heads_on_gpu(c, c.heads, 1, at::kBFloat16);
  const Both k = heads_on_gpu(c, c.kv_heads, 2, at::kBFloat16);
  const Both v = heads_on_gpu(c, c.kv_heads, 3, at::kBFloat16);
  const AttentionInput input{q.gpu, k.gpu, v.gpu, {}};
  const AttentionOutput output = attention_forward(input, c.rule);
  const AttentionInput first = attention_backward(q.gpu, input, output, c.rule);
  const AttentionInput second = attention_backward(q.gpu, input, output, c.rule);
  EXPECT_TRUE(at::equal(first.queries, second.queries));
  EXPECT_TRUE(at::equal(first.keys, second.keys));
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/false);
}

}  // namespace
}  // namespace bascule
