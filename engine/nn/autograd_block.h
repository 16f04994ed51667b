// Any forward as a block, its backward by libtorch's autograd: for modules of a user's own, and the
// oracle of every backward written by hand. Immutable.
#pragma once

#include <functional>

#include "nn/block.h"
#include "nn/parameters.h"

namespace bascule {

class AutogradBlock : public Block {
 public:
  /// `function` gets the input and the values of `parameters`, in order.
  using Function = std::function<at::Tensor(const at::Tensor& in, const std::vector<at::Tensor>&)>;
  AutogradBlock(std::vector<const Parameter*> parameters, Function function);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  std::vector<const Parameter*> parameters_;
  Function function_;
};

}  // namespace bascule
