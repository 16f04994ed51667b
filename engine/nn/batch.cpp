#include "nn/batch.h"

namespace bascule {

Batch moved(const Batch& batch, at::Device device) {
  if (device.is_cpu()) return batch;
  Batch there = batch;
  there.angles = std::make_shared<RopeTables>();
  for (at::Tensor* tensor : {&there.tokens, &there.labels, &there.loss_mask, &there.positions})
    *tensor = tensor->pin_memory().to(device, tensor->scalar_type(), /*non_blocking=*/true);
  if (there.documents.defined()) there.documents = there.documents.to(device);
  return there;
}

}  // namespace bascule
