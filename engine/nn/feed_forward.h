// The plain and the gated feed-forward block. Immutable.
#pragma once

#include "model/arch.h"
#include "nn/block.h"
#include "nn/linear.h"

namespace bascule {

/// y = W_down f(W_in x), where f is the activation, or activation(gate) * up.
class FeedForwardBlock : public Block {
 public:
  /// `at` is where its slots are: "layers.3.mlp.".
  FeedForwardBlock(const Parameters& parameters, Activation activation, bool gated,
                   const std::string& at);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  Activation activation_;
  bool gated_;
  Linear in_, out_;
};

}  // namespace bascule
