// The experts of a mixture, given who goes where. Immutable.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kernels/router.h"
#include "nn/block.h"
#include "nn/parameters.h"

namespace bascule {

/// y = the sum over a token's experts of weight * W_down f(W_in x).
class Experts {
 public:
  virtual ~Experts() = default;

  /// Returns y + the sum of `plus`, added up in compute_type() and rounded once.
  virtual at::Tensor forward(const at::Tensor& in, const Routing& routing, const Batch& batch,
                             const std::vector<at::Tensor>& plus, Saved& saved) const = 0;

  /// What else is added to the gradient of `in`, given that of the routing's weights.
  using Plus = std::function<std::vector<at::Tensor>(const at::Tensor& dweights)>;

  /// Returns the gradient of `in`, added up as forward() does. As Block::backward().
  virtual at::Tensor backward(const at::Tensor& dout, const at::Tensor& in, const Routing& routing,
                              const Batch& batch, const Plus& plus, Saved& saved) const = 0;
};

/// One expert after the other. On a GPU each waits for the device. `at` is the mixture's prefix,
/// "layers.3.moe.".
std::unique_ptr<Experts> experts_in_turn(const Parameters& parameters, const Moe& moe,
                                         const std::string& at);

/// All experts at once, in products of groups of rows.
std::unique_ptr<Experts> grouped_experts(const Parameters& parameters, const Moe& moe,
                                         const std::string& at);

}  // namespace bascule
