#include "nn/norm_block.h"

#include "kernels/norm.h"

namespace bascule {

using at::Tensor;

NormBlock::NormBlock(const Parameters& parameters, const Norm& norm, const std::string& slot)
    : norm_(norm), weight_(&parameters.holding({slot})), bias_(parameters.find({slot + ".bias"})) {}

Tensor NormBlock::forward(const Tensor& in, const Batch&, Saved& saved) const {
  NormStatistics statistics;
  const Tensor bias = bias_ ? bias_->value : Tensor();
  Tensor out = norm_forward(norm_, in, weight_->value, bias, statistics);
  saved.tensors = {in, statistics.mean, statistics.scale};
  return out;
}

Tensor NormBlock::backward(const Tensor& dout, const Batch&, Saved& saved) const {
  return backward_beside({}, dout, saved);
}

void NormBlock::backward_into(const Tensor& into, const Tensor& dout, Saved& saved) const {
  backward_beside({}, dout, saved, into);
}

Tensor NormBlock::backward_beside(const Tensor& plus, const Tensor& dout, Saved& saved,
                                  const Tensor& into) const {
  const NormStatistics statistics{saved.tensors[1], saved.tensors[2]};
  NormGradients gradients = norm_backward(norm_, dout, saved.tensors[0], weight_->value,
                                          bias_ != nullptr, statistics, plus, into);
  saved.waiting.push_back({weight_, std::move(gradients.weight), {}});
  if (bias_) saved.waiting.push_back({bias_, std::move(gradients.bias), {}});
  saved.tensors.clear();
  return gradients.x;
}

}  // namespace bascule
