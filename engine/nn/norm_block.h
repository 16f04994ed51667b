// A norm with its parameters, as a block. Immutable.
#pragma once

#include "model/arch.h"
#include "nn/block.h"
#include "nn/parameters.h"

namespace bascule {

/// Normalises the last dimension of [..., n] by the slot's gain (and bias).
class NormBlock : public Block {
 public:
  NormBlock(const Parameters& parameters, const Norm& norm, const std::string& slot);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;
  /// The gradient of `in` plus `plus`, that of the stream beside the norm; also into `into`, where
  /// that is defined.
  at::Tensor backward_beside(const at::Tensor& plus, const at::Tensor& dout, Saved& saved,
                             const at::Tensor& into = {}) const;
  /// backward() into a tensor of any strides.
  void backward_into(const at::Tensor& into, const at::Tensor& dout, Saved& saved) const;

 private:
  Norm norm_;
  const Parameter* weight_;
  const Parameter* bias_;
};

}  // namespace bascule
