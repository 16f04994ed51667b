#include "kernels/activation.h"

#include <numbers>

#include "engine/by_autograd.h"

namespace bascule {
namespace {

using at::Tensor;

/// From the definitions, not from ATen's functions of the same name.
Tensor formula(Activation kind, const Tensor& x) {
  switch (kind) {
    case Activation::silu:
      return x / (1 + (-x).exp());
    case Activation::gelu:
      return x * (1 + (x / std::numbers::sqrt2).erf()) / 2;
    case Activation::gelu_tanh:
      return x * (1 + ((x + x.pow(3) * 0.044715) * std::sqrt(2 / std::numbers::pi)).tanh()) / 2;
    case Activation::quick_gelu:
      return x / (1 + (x * -1.702).exp());
    case Activation::relu:
      return x.clamp_min(0);
    case Activation::relu2:
      return x.clamp_min(0).pow(2);
  }
  return {};
}

TEST(Activation, HasTheGradientsOfItsFormula) {
  for (const Activation kind : {Activation::silu, Activation::gelu, Activation::gelu_tanh,
                                Activation::quick_gelu, Activation::relu, Activation::relu2})
    for (const bool gated : {false, true}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(kind) << " gated " << gated);
      const Tensor x = random_tensor({9, 14}, 1) * 3;
      const Tensor dy = random_tensor({9, gated ? 7 : 14}, 2);
      const ByAutograd expected = by_autograd({x}, dy, [&](const std::vector<Tensor>& in) {
        if (!gated) return formula(kind, in[0]);
        return formula(kind, in[0].narrow(1, 0, 7)) * in[0].narrow(1, 7, 7);
      });
      expect_close(activation_forward(kind, gated, x), expected.out);
      expect_close(activation_backward(kind, gated, dy, x), expected.gradients[0]);
    }
}

}  // namespace
}  // namespace bascule
