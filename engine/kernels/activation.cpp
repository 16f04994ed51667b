#include "kernels/activation.h"

#include "base/check.h"
#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"

namespace bascule {
namespace {

using at::Tensor;

constexpr double kQuick = 1.702;  // of quick_gelu, x * sigmoid(1.702 x) (arXiv:1606.08415)

Tensor apply(Activation kind, const Tensor& x) {
  switch (kind) {
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::quick_gelu:
      return x * at::sigmoid(x * kQuick);
    case Activation::relu:
      return at::relu(x);
    case Activation::relu2:
      return at::relu(x).square_();
  }
  fail(Kind::internal, "activation {} does not exist", static_cast<int>(kind));
}

/// dy times the derivative at x.
Tensor chain(Activation kind, const Tensor& dy, const Tensor& x) {
  switch (kind) {
    case Activation::silu:
      return at::silu_backward(dy, x);
    case Activation::gelu:
      return at::gelu_backward(dy, x);
    case Activation::gelu_tanh:
      return at::gelu_backward(dy, x, "tanh");
    case Activation::quick_gelu: {
      const Tensor s = at::sigmoid(x * kQuick);
      return dy * s * (1 + x * kQuick * (1 - s));
    }
    case Activation::relu:
      return at::threshold_backward(dy, x, 0);
    case Activation::relu2:
      return dy * at::relu(x) * 2;
  }
  fail(Kind::internal, "activation {} does not exist", static_cast<int>(kind));
}

}  // namespace

Tensor activation_forward(Activation kind, bool gated, const Tensor& x) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(x)) return cuda::activation_forward(kind, gated, x);
  const Tensor wide = x.to(compute_type(x));
  if (!gated) return apply(kind, wide).to(x.scalar_type());
  const std::vector<Tensor> halves = wide.chunk(2, -1);
  return apply(kind, halves[0]).mul_(halves[1]).to(x.scalar_type());
}

Tensor activation_backward(Activation kind, bool gated, const Tensor& dy, const Tensor& x) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(x)) return cuda::activation_backward(kind, gated, dy, x);
  const at::ScalarType type = compute_type(x);
  const Tensor wide = x.to(type), out = dy.to(type);
  if (!gated) return chain(kind, out, wide).to(x.scalar_type());
  const std::vector<Tensor> halves = wide.chunk(2, -1);
  return at::cat({chain(kind, out * halves[1], halves[0]), out * apply(kind, halves[0])}, -1)
      .to(x.scalar_type());
}

}  // namespace bascule
