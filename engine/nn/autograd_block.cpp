#include "nn/autograd_block.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

namespace bascule {

using at::Tensor;

AutogradBlock::AutogradBlock(std::vector<const Parameter*> parameters, Function function)
    : parameters_(std::move(parameters)), function_(std::move(function)) {}

// Saved::tensors: the input, the parameters' values, and the result, all with their graph.
Tensor AutogradBlock::forward(const Tensor& in, const Batch&, Saved& saved) const {
  const c10::AutoGradMode on(true);
  saved.tensors = {in.detach().requires_grad_()};
  for (const Parameter* parameter : parameters_)
    saved.tensors.push_back(parameter->value.detach().requires_grad_());
  saved.tensors.push_back(
      function_(saved.tensors[0], {saved.tensors.begin() + 1, saved.tensors.end()}));
  return saved.tensors.back().detach();
}

Tensor AutogradBlock::backward(const Tensor& dout, const Batch&, Saved& saved) const {
  const c10::AutoGradMode on(true);
  const std::vector<Tensor> inputs(saved.tensors.begin(), saved.tensors.end() - 1);
  const std::vector<Tensor> gradients = torch::autograd::grad(
      {saved.tensors.back()}, inputs, {dout}, std::nullopt, false, /*allow_unused=*/true);
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (gradients[i + 1].defined()) saved.waiting.push_back({parameters_[i], gradients[i + 1], {}});
  saved.tensors.clear();
  return gradients[0].defined() ? gradients[0] : at::zeros_like(inputs[0]);
}

}  // namespace bascule
