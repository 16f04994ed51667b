#include <algorithm>

#include "engine/attention_case.h"
#include "engine/by_autograd.h"

namespace bascule {
namespace {

using at::Tensor;

using Case = AttentionCase;

const Case kCases[] = {
    {"plain", 4, 4, 17, 8, {.scale = 0.3}},
    {"one key head", 6, 1, 9, 4, {.scale = 0.5}},
    {"groups", 6, 2, 12, 4, {.scale = 0.5}},
    {"window", 4, 2, 15, 8, {.scale = 0.4, .window = 4}},
    {"window of one", 2, 2, 5, 4, {.scale = 0.4, .window = 1}},
    {"window beyond the end", 2, 1, 5, 4, {.scale = 0.4, .window = 9}},
    {"soft cap", 4, 2, 11, 8, {.scale = 1, .soft_cap = 2.5}},
    {"sinks", 4, 2, 11, 8, {.scale = 0.7}, true},
    {"all", 6, 3, 13, 4, {.scale = 0.9, .window = 5, .soft_cap = 3.0}, true},
    {"one token", 4, 2, 1, 8, {.scale = 0.5}, true},
    {"documents", 4, 2, 8, 8, {.scale = 0.3}, false, {0, 0, 0, 3, 4, 4, 4, 4}},
    {"one document", 4, 2, 6, 8, {.scale = 0.3}, false, {0, 0, 0, 0, 0, 0}},
    {"documents of one token", 2, 2, 4, 8, {.scale = 0.3}, false, {0, 1, 2, 3}},
    {"documents and a window",
     4,
     2,
     9,
     8,
     {.scale = 0.4, .window = 3},
     false,
     {0, 0, 2, 2, 2, 2, 2, 7, 7}},
    {"documents and all",
     6,
     3,
     8,
     4,
     {.scale = 0.9, .window = 4, .soft_cap = 3.0},
     true,
     {0, 0, 0, 0, 0, 5, 5, 5}},
};

/// Head by head and query by query, as the definition says.
Tensor formula(const Case& c, const std::vector<Tensor>& in) {
  std::vector<Tensor> sequences;
  for (int64_t s = 0; s < in[0].size(0); ++s) {
    std::vector<Tensor> heads;
    for (int64_t h = 0; h < c.heads; ++h) {
      const int64_t kv = h / (c.heads / c.kv_heads);
      std::vector<Tensor> rows;
      for (int64_t i = 0; i < c.length; ++i) {
        int64_t from = c.rule.window ? std::max<int64_t>(0, i - *c.rule.window + 1) : 0;
        if (s == 0 && !c.documents.empty())
          from = std::max(from, c.documents.at(static_cast<size_t>(i)));
        const Tensor keys = in[1][s][kv].slice(0, from, i + 1);
        const Tensor values = in[2][s][kv].slice(0, from, i + 1);
        Tensor z = at::mv(keys, in[0][s][h][i]) * c.rule.scale;
        if (c.rule.soft_cap) z = (z / *c.rule.soft_cap).tanh() * *c.rule.soft_cap;
        Tensor sum = z.exp().sum();
        if (c.sinks) sum = sum + in[3][h].exp();
        rows.push_back(at::mv(values.t(), z.exp() / sum));
      }
      heads.push_back(at::stack(rows));
    }
    sequences.push_back(at::stack(heads));
  }
  return at::stack(sequences);
}

std::vector<Tensor> inputs(const Case& c) {
  std::vector<Tensor> in = {random_tensor({2, c.heads, c.length, c.dim}, 1),
                            random_tensor({2, c.kv_heads, c.length, c.dim}, 2),
                            random_tensor({2, c.kv_heads, c.length, c.dim}, 3)};
  if (c.sinks) in.push_back(random_tensor({c.heads}, 4));
  return in;
}

/// The first of the two sequences has documents, where the case has.
AttentionInput packed(const Case& c, const std::vector<Tensor>& in) {
  AttentionInput input{in[0], in[1], in[2], in.size() > 3 ? in[3] : Tensor()};
  if (c.documents.empty()) return input;
  const Tensor first = at::tensor(c.documents, at::TensorOptions(at::kLong));
  input.documents = at::stack({first, at::zeros_like(first)});
  return input;
}

TEST(Attention, HasTheGradientsOfItsDefinition) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::vector<Tensor> in = inputs(c);
    const Tensor dout = random_tensor(in[0].sizes(), 5);
    const ByAutograd expected =
        by_autograd(in, dout, [&](const std::vector<Tensor>& x) { return formula(c, x); });
    const AttentionInput input = packed(c, in);
    const AttentionOutput output = attention_forward(input, c.rule);
    expect_close(output.out, expected.out);
    const AttentionInput got = attention_backward(dout, input, output, c.rule);
    expect_close(got.queries, expected.gradients[0]);
    expect_close(got.keys, expected.gradients[1]);
    expect_close(got.values, expected.gradients[2]);
    if (c.sinks) expect_close(got.sinks, expected.gradients[3]);
  }
}

// What serves fp32 and bf16 on a CPU is another kernel, which sums in another order and rounds bf16
// weights before it multiplies them with values.
TEST(Attention, FastAndReferenceAgree) {
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 1e-5}, {at::kBFloat16, 2e-2}})
    for (const Case& c : kCases) {
      if (c.sinks || c.rule.soft_cap) continue;
      SCOPED_TRACE(c.name);
      std::vector<Tensor> in = inputs(c);
      for (Tensor& tensor : in) tensor = tensor.to(type);
      const Tensor dout = random_tensor(in[0].sizes(), 5).to(type);
      const AttentionInput input = packed(c, in);
      const AttentionOutput output = attention_forward(input, c.rule);
      const AttentionOutput reference = attention_forward_reference(input, c.rule);
      expect_close(output.out, reference.out, tolerance);
      expect_close(output.log_sum, reference.log_sum, type == at::kFloat ? 1e-5 : 1e-4);
      const AttentionInput got = attention_backward(dout, input, output, c.rule);
      const AttentionInput expected = attention_backward_reference(dout, input, reference, c.rule);
      expect_close(got.queries, expected.queries, tolerance);
      expect_close(got.keys, expected.keys, tolerance);
      expect_close(got.values, expected.values, tolerance);
    }
}

}  // namespace
}  // namespace bascule
