#include "nn/linear.h"

namespace bascule {

using at::Tensor;

Linear::Linear(const Parameters& parameters, const std::vector<std::string>& slots)
    : weight_(&parameters.holding(slots)) {
  std::vector<std::string> biases;
  biases.reserve(slots.size());
  for (const std::string& slot : slots) biases.push_back(slot + ".bias");
  bias_ = parameters.find(biases);
}

Tensor Linear::forward(const Tensor& in, const Batch&, Saved& saved) const {
  saved.tensors = {in};
  return bias_ ? at::addmm(bias_->value, in, weight_->value.t()) : at::mm(in, weight_->value.t());
}

Tensor Linear::backward(const Tensor& dout, const Batch&, Saved& saved) const {
  saved.waiting.push_back({weight_, dout, saved.tensors[0]});
  if (bias_) saved.waiting.push_back({bias_, dout.sum(0), {}});
  saved.tensors.clear();
  return at::mm(dout, weight_->value);
}

}  // namespace bascule
