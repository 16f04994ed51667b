#include "train/step.h"

#include <ATen/record_function.h>

#include <algorithm>

#include "base/interrupt.h"
#include "train/expert_bias.h"

namespace bascule {

StepResult train_step(Training& run, const MicroBatches& read, const Batches& batches) {
  RECORD_USER_SCOPE("step");
  const int64_t consumed = run.counters.consumed_train_samples;
  StepResult result{.lr = run.schedule.learning_rate(consumed),
                    .weight_decay = run.schedule.weight_decay(consumed),
                    .sequences = batches.global_at(consumed)};
  run.parameters->begin_step();
  LossSum sum;
  for (int64_t i = 0; i < batches.micro_batches_at(consumed); ++i) {
    Batch batch = moved(read(consumed, i), run.parameters->device());
    // Gradients are divided by all tokens at the end, and so is the balancing loss, which is a
    // mean.
    batch.balance_scale = static_cast<double>(batch.sequences * batch.length);
    batch.before = i;
    const LossSum part = run.decoder->forward_backward(batch, 1);
    sum.loss += part.loss;
    sum.tokens += part.tokens;
  }
  run.parameters->end_step();
  result.tokens = sum.tokens;
  const double counted = std::max(1.0, sum.tokens);
  result.loss = sum.loss / counted;
  if (run.count_zeros) result.zeros = run.optimizer->zeros();
  const UpdateResult update = run.optimizer->update(result.lr, result.weight_decay, 1 / counted);
  result.gradient_norm = update.gradient_norm;
  result.applied = update.applied;
  if (update.applied) update_expert_biases(*run.parameters, run.expert_bias_rate);
  if (run.measure_parameters) result.parameter_norm = run.optimizer->parameter_norm();
  ++run.counters.step;
  run.counters.consumed_train_samples += result.sequences;
  if (!update.applied) ++run.skipped;
  return result;
}

double evaluate(const Training& run, const MicroBatches& read, int64_t consumed, int64_t count) {
  LossSum sum;
  for (int64_t i = 0; i < count; ++i) {
    check_interrupt();
    const LossSum part = run.decoder->loss(moved(read(consumed, i), run.parameters->device()));
    sum.loss += part.loss;
    sum.tokens += part.tokens;
  }
  return sum.loss / std::max(1.0, sum.tokens);
}

}  // namespace bascule
