// The step of a run whose gradients are being computed, as those see it who compute them from
// outside. A value; one thread.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace bascule {

struct UnderWay {
  bool now = false;    // gradients add up in the arenas, and are no one's .grad
  int64_t before = 0;  // micro-batches of the step that came before
  double balance = 0;  // of the gradients of balancing losses; 0: the tokens of the micro-batch
  at::Tensor router_losses = {};  // Batch's
};

}  // namespace bascule
