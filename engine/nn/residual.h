// A block with its norms beside the residual stream. Immutable.
#pragma once

#include <memory>
#include <optional>

#include "nn/block.h"
#include "nn/norm_block.h"

namespace bascule {

/// x + after(inner(before(x))); without `after`, x + inner(before(x)). On a CPU what enters `inner`
/// loses its memory after the forward, and has it again when the backward begins.
class Residual : public Block {
 public:
  Residual(NormBlock before, std::unique_ptr<Block> inner, std::optional<NormBlock> after);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  NormBlock before_;
  std::unique_ptr<Block> inner_;
  std::optional<NormBlock> after_;
};

}  // namespace bascule
