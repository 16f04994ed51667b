#include "nn/residual.h"

namespace bascule {
namespace {

enum Part { kBefore, kInner, kAfter };

}  // namespace

using at::Tensor;

Residual::Residual(NormBlock before, std::unique_ptr<Block> inner, std::optional<NormBlock> after)
    : before_(before), inner_(std::move(inner)), after_(after) {}

Tensor Residual::forward(const Tensor& in, const Batch& batch, Saved& saved) const {
  saved.parts.resize(kAfter + 1);
  const Tensor unit = before_.forward(in, batch, saved.parts[kBefore]);
  Tensor out = inner_->forward(unit, batch, saved.parts[kInner]);
  if (after_) out = after_->forward(out, batch, saved.parts[kAfter]);
  return in + out;
}

Tensor Residual::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  Tensor inner = after_ ? after_->backward(dout, batch, saved.parts[kAfter]) : dout;
  inner = inner_->backward(inner, batch, saved.parts[kInner]);
  return before_.backward_beside(dout, inner, saved.parts[kBefore]);
}

}  // namespace bascule
