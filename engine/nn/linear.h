// A linear map with its gradients. Immutable.
#pragma once

#include "nn/block.h"
#include "nn/parameters.h"

namespace bascule {

/// y = x W^T + b, [tokens, in] -> [tokens, out].
class Linear : public Block {
 public:
  /// The tensors that hold exactly these slots, and their biases where the model has them.
  Linear(const Parameters& parameters, const std::vector<std::string>& slots);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  const Parameter* weight_;
  const Parameter* bias_;
};

}  // namespace bascule
