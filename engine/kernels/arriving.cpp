#include "kernels/arriving.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace bascule {

Arriving::Arriving(const at::Tensor& from) {
  if (from.is_cpu()) {
    there_ = from;
    return;
  }
  there_ = at::empty(from.sizes(), from.options().device(at::kCPU).pinned_memory(true));
  there_.copy_(from, /*non_blocking=*/true);
  ready_ = std::make_shared<c10::Event>(from.device().type());
  ready_->record(c10::impl::VirtualGuardImpl(from.device().type()).getStream(from.device()));
}

const at::Tensor& Arriving::values() const {
  if (ready_) ready_->synchronize();
  return there_;
}

}  // namespace bascule
