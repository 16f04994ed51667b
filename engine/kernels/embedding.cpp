#include "kernels/embedding.h"

#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"

namespace bascule {

using at::Tensor;

Tensor embedding_forward(const Tensor& weight, const Tensor& tokens) {
  // ATen looks rows up by an operation that meta tensors lack.
  if (weight.is_meta()) return at::empty({tokens.size(0), weight.size(1)}, weight.options());
  return at::embedding(weight, tokens);
}

void embedding_backward(const Tensor& gradient, const Tensor& dout, const Tensor& tokens,
                        double factor) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(dout) && gradient.scalar_type() == at::kFloat)
      return cuda::embedding_backward(gradient, dout, tokens, factor);
  Tensor wide = dout.to(compute_type(dout));
  if (factor != 1) wide = wide * factor;
  gradient.index_add_(0, tokens, wide);
}

}  // namespace bascule
