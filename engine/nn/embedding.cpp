#include "nn/embedding.h"

#include <cmath>

#include "kernels/embedding.h"

namespace bascule {

using at::Tensor;

Embedding::Embedding(const Parameters& parameters, const Arch& arch)
    : weight_(&parameters.holding({"embed"})), scaled_(arch.scaled_embedding) {}

double Embedding::factor(at::ScalarType dtype) const {
  if (!scaled_) return 1;
  const double root = std::sqrt(static_cast<double>(weight_->value.size(1)));
  return at::scalar_tensor(root, at::TensorOptions(dtype)).item<double>();
}

Tensor Embedding::forward(const Batch& batch) const {
  Tensor out = embedding_forward(weight_->value, batch.tokens);
  if (scaled_) out.mul_(factor(out.scalar_type()));
  return out;
}

void Embedding::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  if (!weight_->gradient.defined()) return;
  saved.waiting.push_back({weight_, dout, {}, batch.tokens, factor(dout.scalar_type())});
}

}  // namespace bascule
