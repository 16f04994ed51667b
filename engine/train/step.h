// One step: gradients of a global batch, and the update. One thread at a time.
#pragma once

#include <functional>
#include <optional>

#include "nn/batch.h"
#include "recipe/batches.h"
#include "train/training.h"

namespace bascule {

/// Micro-batch `index` of a step that begins after `consumed` samples.
using MicroBatches = std::function<Batch(int64_t consumed, int64_t index)>;

struct StepResult {
  double loss = 0;                    // the mean over the tokens of the global batch that count
  double tokens = 0;                  // those
  double gradient_norm = 0;           // before clipping
  double lr = 0, weight_decay = 0;    // of this update
  int64_t sequences = 0;              // of the global batch
  std::optional<int64_t> zeros = {};  // among gradients, where that is counted
  std::optional<double> parameter_norm = {};  // after the update, where that is measured
  bool applied = true;  // false: gradients were not finite, and nothing was changed
};

/// Runs the step that follows run.counters, and moves them. The loss and its gradient are divided
/// by the number of tokens of the whole global batch that count, so that they depend neither on the
/// micro batch nor on the mask's distribution (Megatron's calculate_per_token_loss).
StepResult train_step(Training& run, const MicroBatches& read, const Batches& batches);

/// The mean loss over `count` micro-batches, from sample `consumed` on.
double evaluate(const Training& run, const MicroBatches& read, int64_t consumed, int64_t count);

}  // namespace bascule
