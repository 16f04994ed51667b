// One micro-batch, flattened to tokens. A value.
#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "nn/rope_tables.h"

namespace bascule {

/// tokens = sequences * length; token i is at position i % length of sequence i / length.
struct Batch {
  int64_t sequences = 0, length = 0;
  at::Tensor tokens = {};     // [tokens] int64
  at::Tensor labels = {};     // [tokens] int64; what follows each token
  at::Tensor loss_mask = {};  // [tokens] fp32: 1 where the label counts
  double balance_scale = 0;   // of the gradients of balancing losses, against those of the loss
  /// [2], the step's: the backward adds the routers' balancing losses and their z losses to it,
  /// without coefficients; undefined: nobody asks.
  at::Tensor router_losses = {};
  int64_t before = 0;         // micro-batches of the step that came before this one
  bool last = false;          // of the step: what it leaves are the step's gradients
  at::Tensor positions = {};  // [tokens] int64
  /// [sequences, length] int64: where each token's document begins in its sequence, of which it
  /// sees nothing before; undefined: a sequence is one.
  at::Tensor documents = {};
  std::shared_ptr<RopeTables> angles = std::make_shared<RopeTables>();  // of the positions
};

/// The batch on a device; to a GPU the copies are on their way when this returns.
Batch moved(const Batch& batch, at::Device device);

}  // namespace bascule
