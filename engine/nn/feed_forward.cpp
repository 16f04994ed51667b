#include "nn/feed_forward.h"

#include "kernels/activation.h"
#include "kernels/device.h"

namespace bascule {
namespace {

using at::Tensor;

enum Part { kIn, kOut };

std::vector<std::string> inputs(const std::string& at, bool gated) {
  if (gated) return {at + "gate", at + "up"};
  return {at + "up"};
}

}  // namespace

FeedForwardBlock::FeedForwardBlock(const Parameters& parameters, Activation activation, bool gated,
                                   const std::string& at)
    : activation_(activation),
      gated_(gated),
      in_(parameters, inputs(at, gated)),
      out_(parameters, {at + "down"}) {}

Tensor FeedForwardBlock::forward(const Tensor& in, const Batch& batch, Saved& saved) const {
  saved.parts.resize(kOut + 1);
  const Tensor wide = in_.forward(in, batch, saved.parts[kIn]);
  saved.tensors = {wide};
  Tensor out =
      out_.forward(activation_forward(activation_, gated_, wide), batch, saved.parts[kOut]);
  if (!on_gpu(in)) saved.parts[kOut].tensors.clear();  // quicker computed again than kept
  return out;
}

Tensor FeedForwardBlock::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  if (saved.parts[kOut].tensors.empty())
    saved.parts[kOut].tensors = {activation_forward(activation_, gated_, saved.tensors[0])};
  const Tensor inner = out_.backward(dout, batch, saved.parts[kOut]);
  const Tensor dwide = activation_backward(activation_, gated_, inner, saved.tensors[0]);
  saved.tensors.clear();
  return in_.backward(dwide, batch, saved.parts[kIn]);
}

}  // namespace bascule
