// What a block keeps of one forward until its backward, and the weight gradients that wait.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace bascule {

struct Parameter;

/// A block keeps nothing of a micro-batch in itself, so that many may be on their way at once: it
/// keeps it here. Owned by one micro-batch; not shared between threads.
struct Saved {
  /// A gradient of a weight, to be added to Parameter::gradient: dy^T x of a linear map; or, where
  /// `ends` is defined, of each expert's rows; or, where `rows` is defined, dy * factor to those
  /// rows; or, where none is, `dy` itself.
  struct Waiting {
    const Parameter* parameter = nullptr;
    at::Tensor dy, x;
    at::Tensor rows = {};
    double factor = 1;
    at::Tensor ends = {};
    bool last = false;  // nothing is added to it after this in the step
  };

  std::vector<at::Tensor> tensors;  // in an order that the block knows
  std::vector<Saved> parts;         // of the blocks inside, in order
  std::vector<Waiting> waiting;

  /// Bytes that the tensors of the forward hold, those of parts included; what two entries share is
  /// counted once.
  int64_t bytes() const;
};

/// Adds every waiting gradient to its parameter's, or overwrites one that nothing was added to in
/// this step, in fp32 or wider, in a fixed order, and forgets everything.
void accumulate(Saved& saved);

}  // namespace bascule
