// One step: gradients of a global batch, and the update. One thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/splits.h"
#include "nn/batch.h"
#include "recipe/batches.h"
#include "train/training.h"

namespace bascule {

/// Micro-batch `index` of a step that begins after `consumed` samples.
using MicroBatches = std::function<Batch(int64_t consumed, int64_t index)>;

/// Which micro-batch is computed, of `count` of a step or an evaluation that begins after
/// `consumed` samples.
struct MicroBatchAt {
  Split split = Split::train;
  int64_t consumed = 0, index = 0, count = 1;
  int64_t sequences = 1;  // of each
};

/// What a loss function tells beside the loss: the mean is sum / count.
struct Reported {
  std::string name;
  double sum = 0, count = 0;
};

/// Adds to the one of its name, or as a new one, behind the others.
void add(const Reported& each, std::vector<Reported>& sums);

struct Computed {
  LossSum sum;
  std::vector<Reported> reported = {};
};

/// The forward of a micro-batch and, of training data, its backward.
using Compute = std::function<Computed(const MicroBatchAt&)>;

/// That of the run's own decoder, on the device of its parameters.
Computed computed(const Training& run, const Batch& batch, const MicroBatchAt& at);

struct StepResult {
  double loss = 0;                    // the mean over the tokens of the global batch that count
  double tokens = 0;                  // those; 0: the loss function does not say
  double gradient_norm = 0;           // before clipping
  double lr = 0, weight_decay = 0;    // of this update
  int64_t sequences = 0;              // of the global batch
  std::optional<int64_t> zeros = {};  // among gradients, where that is counted
  std::optional<double> parameter_norm = {};  // after the update, where that is measured
  bool applied = true;  // false: gradients were not finite, and nothing was changed
  std::vector<std::pair<std::string, double>> reported = {};  // other means than the loss
};

/// Runs the step that follows run.counters, and moves them. The loss and its gradient are divided
/// by the number of tokens of the whole global batch that count, so that they depend neither on the
/// micro batch nor on the mask's distribution (Megatron's calculate_per_token_loss).
StepResult train_step(Training& run, const Compute& compute, const Batches& batches);

struct Evaluated {
  double loss = 0;
  std::vector<std::pair<std::string, double>> reported = {};
};

/// The mean loss over `at.count` micro-batches; at.index is 0.
Evaluated evaluate(const Compute& compute, MicroBatchAt at);

}  // namespace bascule
