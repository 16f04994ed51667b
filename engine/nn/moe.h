// A mixture of experts: router, dispatch, experts, combination. Immutable.
#pragma once

#include <memory>
#include <optional>

#include "kernels/router.h"
#include "model/arch.h"
#include "nn/block.h"
#include "nn/experts.h"
#include "nn/feed_forward.h"
#include "nn/rules.h"

namespace bascule {

/// Every token reaches its top_k experts, unless the rules give experts a capacity. The balancing
/// losses (Megatron's aux_loss, seq_aux_loss, global_aux_loss, z loss) act through their gradients
/// alone; their values are told beside the loss. The router's tally counts where there is use for
/// it.
class MoeBlock : public Block {
 public:
  /// `at` is the layer's prefix, "layers.3.". Throws Error{unsupported} for parts of `moe` that
  /// training does not know.
  MoeBlock(const Parameters& parameters, const Moe& moe, const MoeRules& rules,
           const std::string& at);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  Routing choose(const at::Tensor& logits) const;
  /// The gradient of all balancing losses, and their values. Leaves the counts to be added to the
  /// tally.
  void balance(const at::Tensor& logits, const Routing& routing, const Batch& batch,
               at::Tensor& dlogits, Saved& saved) const;

  Moe moe_;
  MoeRules rules_;
  const Parameter* router_;
  const Parameter* tally_;
  const Parameter* expert_bias_ = nullptr;
  std::unique_ptr<Experts> experts_;
  std::optional<FeedForwardBlock> shared_;
  const Parameter* shared_gate_ = nullptr;
};

}  // namespace bascule
