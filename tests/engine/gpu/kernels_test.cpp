// Every kernel for GPUs against the same function on the CPU, in fp64, at odd sizes.
#include "engine/gpu/on_gpu.h"
#include "kernels/activation.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/norm.h"
#include "kernels/rope.h"

namespace bascule {
namespace {

using at::Tensor;

void check_norm(const Norm& norm, int64_t rows, int64_t width, at::ScalarType type, bool beside) {
  SCOPED_TRACE(testing::Message() << rows << " x " << width << " " << type);
  const Both x = random_on_gpu({rows, width}, 1, type), w = random_on_gpu({width}, 2, type);
  const Both dy = random_on_gpu({rows, width}, 3, type);
  const Both plus = random_on_gpu({rows, width}, 4, type);
  NormStatistics ours, theirs;
  expect_like(norm_forward(norm, x.gpu, w.gpu, {}, ours),
              norm_forward(norm, x.reference, w.reference, {}, theirs), tolerance(type));
  const NormGradients got =
      norm_backward(norm, dy.gpu, x.gpu, w.gpu, false, ours, beside ? plus.gpu : Tensor());
  const NormGradients expected = norm_backward(norm, dy.reference, x.reference, w.reference, false,
                                               theirs, beside ? plus.reference : Tensor());
  expect_like(got.x, expected.x, tolerance(type));
  expect_like(got.weight, expected.weight, 1e-4);
  const NormGradients again = norm_backward(norm, dy.gpu, x.gpu, w.gpu, false, ours);
  EXPECT_TRUE(at::equal(again.weight, got.weight));
}

TEST(GpuNorm, IsTheReference) {
  for (const at::ScalarType type : kGpuTypes)
    for (const bool zero_centred : {false, true})
      for (const int64_t rows : kOddRows)
        for (const int64_t width : {3, 64, 129, 1024, 2048, 2052, 3001})
          check_norm({.eps = 1e-5, .zero_centred = zero_centred}, rows, width, type, zero_centred);
  check_norm({.eps = 1e-5}, 130, 16384, at::kBFloat16, true);  // more than 48 KiB of sums
  check_norm({.eps = 1e-5}, 66000, 64, at::kBFloat16, false);
}

/// Heads are normalised where the projection's rows hold them, and so are their gradients written.
TEST(GpuNorm, ReadsAndWritesHeadsWhereTheyLie) {
  for (const at::ScalarType type : kGpuTypes)
    for (const int64_t dim : {33, 64, 128})
      for (const int64_t heads : {1, 3}) {
        SCOPED_TRACE(testing::Message() << heads << " x " << dim << " " << type);
        const Norm norm{.eps = 1e-5};
        const Both qkv = random_on_gpu({127, 2, heads + 2, dim}, 1, type);
        const Both w = random_on_gpu({dim}, 2, type),
                   dy = random_on_gpu({127, 2, heads, dim}, 3, type);
        const Tensor there = qkv.gpu.narrow(2, 1, heads), here = qkv.reference.narrow(2, 1, heads);
        const Tensor dqkv = at::zeros_like(qkv.gpu), into = dqkv.narrow(2, 1, heads);
        NormStatistics ours, theirs;
        expect_like(norm_forward(norm, there, w.gpu, {}, ours),
                    norm_forward(norm, here, w.reference, {}, theirs), tolerance(type));
        const NormGradients got = norm_backward(norm, dy.gpu, there, w.gpu, false, ours, {}, into);
        const NormGradients expected =
            norm_backward(norm, dy.reference, here, w.reference, false, theirs);
        expect_like(into, expected.x, tolerance(type));
        expect_like(got.weight, expected.weight, 1e-4);
        EXPECT_EQ(dqkv.narrow(2, 0, 1).abs().sum().item<double>(), 0);
        if (heads > 1) continue;  // as keys are
        expect_like(norm_forward(norm, there.squeeze(2), w.gpu, {}, ours),
                    norm_forward(norm, here.squeeze(2), w.reference, {}, theirs), tolerance(type));
      }
}

TEST(GpuActivation, IsTheReference) {
  for (const at::ScalarType type : kGpuTypes)
    for (const Activation kind : {Activation::silu, Activation::gelu, Activation::gelu_tanh,
                                  Activation::quick_gelu, Activation::relu, Activation::relu2})
      for (const bool gated : {false, true})
        for (const int64_t rows : kOddRows)
          for (const int64_t width : {7, 64, rows < 8000 ? 4104 : 1001}) {
            SCOPED_TRACE(testing::Message() << static_cast<int>(kind) << " gated " << gated << " "
                                            << rows << " x " << width << " " << type);
            const Both x = on_gpu(random_tensor({rows, gated ? 2 * width : width}, 1) * 3, type);
            const Both dy = random_on_gpu({rows, width}, 2, type);
            expect_like(activation_forward(kind, gated, x.gpu),
                        activation_forward(kind, gated, x.reference), tolerance(type));
            expect_like(activation_backward(kind, gated, dy.gpu, x.gpu),
                        activation_backward(kind, gated, dy.reference, x.reference),
                        tolerance(type));
          }
}

/// Queries within a projection of groups, as attention has them; and dense heads.
void check_rope(int64_t tokens, int64_t dim, double percent, at::ScalarType type) {
  SCOPED_TRACE(testing::Message() << tokens << " x " << dim << " " << percent << " " << type);
  const Rope rope{.theta = 1000, .percent = percent};
  const Tensor places = at::arange(tokens, at::TensorOptions(at::kLong));
  const RopeTable theirs = rope_table(rope, rope.theta, dim, places, at::kFloat);
  const RopeTable wide{theirs.cosines.to(at::kDouble), theirs.sines.to(at::kDouble)};
  const RopeTable ours{theirs.cosines.to(at::kCUDA), theirs.sines.to(at::kCUDA)};
  const Both x = random_on_gpu({tokens, 3, 4, dim}, 1, type);
  const auto queries = [](const Tensor& all) { return all.narrow(2, 0, 2); };
  const auto keys = [](const Tensor& all) { return all.select(2, 2); };
  const Tensor expected = rope_forward(queries(x.reference), wide);
  expect_like(rope_forward(queries(x.gpu), ours), expected, tolerance(type));
  expect_like(rope_forward(keys(x.gpu), ours), rope_forward(keys(x.reference), wide),
              tolerance(type));
  const Both dy = random_on_gpu({tokens, 6, dim}, 2, type);
  expect_like(rope_backward(dy.gpu, ours), rope_backward(dy.reference, wide), tolerance(type));
  const Tensor into = at::full_like(x.gpu, 7);
  rope_backward_into(queries(into), dy.gpu, ours);
  expect_like(queries(into).flatten(1, 2), rope_backward(dy.reference, wide), tolerance(type));
  EXPECT_TRUE(at::equal(into.narrow(2, 2, 2), at::full_like(into.narrow(2, 2, 2), 7)));
}

TEST(GpuRope, IsTheReference) {
  for (const at::ScalarType type : kGpuTypes)
    for (const int64_t tokens : kOddRows)
      for (const int64_t dim : {6, 12, 20, 64, 128})
        for (const double percent : {1.0, 0.5})
          if (dim != 6 || percent == 1) check_rope(tokens, dim, percent, type);
}

TEST(GpuCrossEntropy, IsTheReference) {
  for (const at::ScalarType type : kGpuTypes)
    for (const std::optional<double> cap : {std::optional<double>(), std::optional(2.5)})
      for (const int64_t rows : kOddRows)
        for (const int64_t vocabulary : {11, 1000,
                                         rows == 1     ? 151936
                                         : rows < 8000 ? 50257
                                                       : 1003}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << vocabulary << " " << type);
          Both z = on_gpu(random_tensor({rows, vocabulary}, 1) * 4, type);
          const Tensor labels = random_indices(rows, vocabulary, 2);
          const Tensor weights = random_tensor({rows}, 3).abs().to(at::kFloat);
          const Tensor gpu_labels = labels.to(at::kCUDA), gpu_weights = weights.to(at::kCUDA);
          Tensor kept = z.gpu.clone();
          const Tensor expected =
              cross_entropy(z.reference, labels, weights.to(at::kDouble), cap, 0.5);
          expect_like(cross_entropy(kept, gpu_labels, gpu_weights, cap, std::nullopt), expected,
                      2e-5);
          EXPECT_TRUE(at::equal(kept, z.gpu));
          expect_like(cross_entropy(z.gpu, gpu_labels, gpu_weights, cap, 0.5), expected, 2e-5);
          expect_like(z.gpu, z.reference, tolerance(type));
        }
}

TEST(GpuEmbedding, AddsTheRowsOfEqualTokens) {
  for (const at::ScalarType type : kGpuTypes)
    for (const int64_t tokens : kOddRows)
      for (const int64_t width : {5, 64, 2048}) {
        SCOPED_TRACE(testing::Message() << tokens << " x " << width << " " << type);
        const Tensor places = random_indices(tokens, 97, 1);
        const Both dout = random_on_gpu({tokens, width}, 2, type);
        Tensor expected = random_tensor({97, width}, 3).to(at::kFloat).to(at::kDouble);
        const Tensor got = expected.to(at::kCUDA, at::kFloat);
        Tensor again = got.clone();
        embedding_backward(expected, dout.reference, places, 1.5);
        embedding_backward(got, dout.gpu, places.to(at::kCUDA), 1.5);
        expect_like(got, expected, 1e-5);
        embedding_backward(again, dout.gpu, places.to(at::kCUDA), 1.5);
        EXPECT_TRUE(at::equal(got, again));
      }
}

}  // namespace
}  // namespace bascule
