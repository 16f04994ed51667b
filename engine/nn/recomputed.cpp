#include "nn/recomputed.h"

namespace bascule {

using at::Tensor;

RecomputedBlock::RecomputedBlock(std::unique_ptr<Block> inner) : inner_(std::move(inner)) {}

Tensor RecomputedBlock::forward(const Tensor& in, const Batch& batch, Saved& saved) const {
  Saved forgotten;
  saved.tensors = {in};
  return inner_->forward(in, batch, forgotten);
}

Tensor RecomputedBlock::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  saved.parts.resize(1);
  inner_->forward(saved.tensors[0], batch, saved.parts[0]);
  saved.tensors.clear();
  return inner_->backward(dout, batch, saved.parts[0]);
}

}  // namespace bascule
