#include "kernels/norm.h"

#include "engine/by_autograd.h"

namespace bascule {
namespace {

using at::Tensor;

Tensor formula(const Norm& norm, const std::vector<Tensor>& in) {
  const Tensor& x = in[0];
  const Tensor centred = norm.kind == Norm::Kind::layer ? x - x.mean(-1, true) : x;
  const Tensor unit = centred / (centred.pow(2).mean(-1, true) + norm.eps).sqrt();
  const Tensor y = unit * (norm.zero_centred ? in[1] + 1 : in[1]);
  return in.size() > 2 ? y + in[2] : y;
}

void check(const Norm& norm, int64_t rows, int64_t width, bool has_bias) {
  SCOPED_TRACE(testing::Message() << rows << " x " << width);
  std::vector<Tensor> in = {random_tensor({rows, width}, 1), random_tensor({width}, 2)};
  if (has_bias) in.push_back(random_tensor({width}, 3));
  const Tensor dy = random_tensor({rows, width}, 4);
  const ByAutograd expected =
      by_autograd(in, dy, [&](const std::vector<Tensor>& x) { return formula(norm, x); });
  NormStatistics statistics;
  expect_close(norm_forward(norm, in[0], in[1], has_bias ? in[2] : Tensor(), statistics),
               expected.out);
  const NormGradients got = norm_backward(norm, dy, in[0], in[1], has_bias, statistics);
  expect_close(got.x, expected.gradients[0]);
  expect_close(got.weight, expected.gradients[1]);
  if (has_bias) expect_close(got.bias, expected.gradients[2]);
}

TEST(Norm, HasTheGradientsOfItsFormula) {
  for (const bool zero_centred : {false, true})
    for (const int64_t rows : {1, 127})
      for (const int64_t width : {3, 7, 96}) {
        check({.kind = Norm::Kind::rms, .eps = 1e-5, .zero_centred = zero_centred}, rows, width,
              false);
        check({.kind = Norm::Kind::layer, .eps = 1e-2, .zero_centred = zero_centred}, rows, width,
              true);
      }
}

TEST(Norm, RoundsBfloat16Once) {
  const Norm norm{.eps = 1e-6, .zero_centred = true};
  const Tensor x = random_tensor({5, 64}, 1).to(at::kBFloat16);
  const Tensor weight = random_tensor({64}, 2).to(at::kBFloat16);
  NormStatistics statistics;
  const Tensor got = norm_forward(norm, x, weight, {}, statistics);
  EXPECT_EQ(statistics.scale.scalar_type(), at::kFloat);
  const Tensor wide = norm_forward(norm, x.to(at::kFloat), weight.to(at::kFloat), {}, statistics);
  EXPECT_TRUE(at::equal(got, wide.to(at::kBFloat16)));
}

}  // namespace
}  // namespace bascule
