// What every part of a decoder is: a function of hidden states with a backward of its own.
#pragma once

#include "nn/batch.h"
#include "nn/saved.h"

namespace bascule {

/// Between blocks flow tensors [tokens, hidden] in the model's dtype. Blocks are immutable: they
/// hold references to parameters, and nothing of a micro-batch.
class Block {
 public:
  virtual ~Block() = default;

  virtual at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const = 0;

  /// Returns the gradient of `in`. What weight gradients need is left in `saved`, for accumulate();
  /// everything else is released.
  virtual at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const = 0;
};

}  // namespace bascule
