// The experts of a mixture, given who goes where. Immutable.
#pragma once

#include <memory>

#include "kernels/router.h"
#include "nn/block.h"
#include "nn/parameters.h"

namespace bascule {

/// y = the sum over a token's experts of weight * W_down f(W_in x), in compute_type().
class Experts {
 public:
  virtual ~Experts() = default;

  virtual at::Tensor forward(const at::Tensor& in, const Routing& routing, const Batch& batch,
                             Saved& saved) const = 0;

  /// Returns the gradient of `in` in compute_type(), and sets that of the routing's weights. As
  /// Block::backward().
  virtual at::Tensor backward(const at::Tensor& dout, const at::Tensor& in, const Routing& routing,
                              const Batch& batch, Saved& saved, at::Tensor& dweights) const = 0;
};

/// One expert after the other. On a GPU each waits for the device. `at` is the mixture's prefix,
/// "layers.3.moe.".
std::unique_ptr<Experts> experts_in_turn(const Parameters& parameters, const Moe& moe,
                                         const std::string& at);

/// All experts at once, in products of groups of rows.
std::unique_ptr<Experts> grouped_experts(const Parameters& parameters, const Moe& moe,
                                         const std::string& at);

}  // namespace bascule
