// A block whose inside is computed again rather than kept. Immutable.
#pragma once

#include <memory>

#include "nn/block.h"

namespace bascule {

/// Keeps what enters, and runs the forward of `inner` again right before its backward.
class RecomputedBlock : public Block {
 public:
  explicit RecomputedBlock(std::unique_ptr<Block> inner);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  std::unique_ptr<Block> inner_;
};

}  // namespace bascule
