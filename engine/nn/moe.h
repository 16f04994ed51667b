// A mixture of experts: router, dispatch, experts, combination. Immutable.
#pragma once

#include <memory>
#include <optional>

#include "kernels/router.h"
#include "model/arch.h"
#include "nn/block.h"
#include "nn/feed_forward.h"

namespace bascule {

/// Dropless: every token reaches its top_k experts. The balancing losses (Megatron's aux_loss,
/// seq_aux_loss) act through their gradients alone; they are in no reported loss.
class MoeBlock : public Block {
 public:
  /// `at` is the layer's prefix, "layers.3.". Throws Error{unsupported} for parts of `moe` that
  /// training does not know.
  MoeBlock(const Parameters& parameters, const Moe& moe, const std::string& at);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  Moe moe_;
  const Parameter* router_;
  const Parameter* expert_bias_ = nullptr;
  std::vector<FeedForwardBlock> experts_;
  std::optional<FeedForwardBlock> shared_;
  const Parameter* shared_gate_ = nullptr;
};

}  // namespace bascule
