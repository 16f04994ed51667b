#include "kernels/cross_entropy.h"

#include "engine/by_autograd.h"

namespace bascule {
namespace {

using at::Tensor;

TEST(CrossEntropy, HasTheGradientsOfItsFormula) {
  for (const std::optional<double> cap : {std::optional<double>(), std::optional(1.5)}) {
    const Tensor z = random_tensor({7, 11}, 1) * 2;
    const Tensor labels = at::randint(11, {7}, at::TensorOptions(at::kLong));
    const Tensor weights = random_tensor({7}, 2).abs();
    Tensor losses;
    const ByAutograd expected =
        by_autograd({z}, at::scalar_tensor(3.0, z.options()), [&](const std::vector<Tensor>& in) {
          const Tensor logits = cap ? (in[0] / *cap).tanh() * *cap : in[0];
          const Tensor own =
              -(logits.exp() / logits.exp().sum(1, true)).log().gather(1, labels.unsqueeze(1));
          losses = own.detach().squeeze(1);
          return (own.squeeze(1) * weights).sum();
        });
    Tensor logits = z.clone();
    expect_close(cross_entropy(logits, labels, weights, cap, 3.0), losses);
    expect_close(logits, expected.gradients[0]);
    logits = z.clone();
    expect_close(cross_entropy(logits, labels, weights, cap, std::nullopt), losses);
  }
}

}  // namespace
}  // namespace bascule
