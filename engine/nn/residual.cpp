#include "nn/residual.h"

#include "kernels/device.h"

namespace bascule {
namespace {

enum Part { kBefore, kInner, kAfter };

using at::Tensor;

/// Gives one tensor's memory to another of the same sizes, and with it to all that share the
/// other's; the first has none afterwards.
void give_memory(const Tensor& from, const Tensor& to) {
  to.storage().unsafeGetStorageImpl()->set_data_ptr_noswap(
      from.storage().unsafeGetStorageImpl()->set_data_ptr({nullptr, from.device()}));
}

/// Lets go of a tensor's memory, whoever else holds the tensor.
void let_go(const Tensor& x) {
  x.storage().unsafeGetStorageImpl()->set_data_ptr_noswap({nullptr, x.device()});
}

}  // namespace

Residual::Residual(NormBlock before, std::unique_ptr<Block> inner, std::optional<NormBlock> after)
    : before_(before), inner_(std::move(inner)), after_(after) {}

Tensor Residual::forward(const Tensor& in, const Batch& batch, Saved& saved) const {
  saved.parts.resize(kAfter + 1);
  const Tensor unit = before_.forward(in, batch, saved.parts[kBefore]);
  Tensor out = inner_->forward(unit, batch, saved.parts[kInner]);
  if (!on_gpu(in)) {  // `inner` holds it, and it is quicker computed again than large
    saved.tensors = {unit};
    let_go(unit);
  }
  if (after_) out = after_->forward(out, batch, saved.parts[kAfter]);
  return in + out;
}

Tensor Residual::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  if (!saved.tensors.empty()) {
    Saved unused;
    const Tensor& in = saved.parts[kBefore].tensors[0];
    give_memory(before_.forward(in, batch, unused), saved.tensors[0]);
    saved.tensors.clear();
  }
  Tensor inner = after_ ? after_->backward(dout, batch, saved.parts[kAfter]) : dout;
  inner = inner_->backward(inner, batch, saved.parts[kInner]);
  return before_.backward_beside(dout, inner, saved.parts[kBefore]);
}

}  // namespace bascule
