#include "train/step.h"

#include <ATen/record_function.h>

#include <algorithm>

#include "base/interrupt.h"
#include "kernels/arriving.h"
#include "train/expert_bias.h"

namespace bascule {
namespace {

constexpr std::string_view kLoss = "lm loss";  // Megatron's name of the loss in what is reported

/// Sums over micro-batches.
class Sums {
 public:
  void add(const Computed& part) {
    losses_.push_back(part.sum);
    for (const Reported& each : part.reported) bascule::add(each, reported_);
  }
  double tokens() const { return total(&LossSum::tokens); }
  double counted() const { return std::max(1.0, tokens()); }
  /// What is reported as kLoss, or else what gradients are of.
  double loss() const {
    const auto own = std::ranges::find(reported_, kLoss, &Reported::name);
    return own == reported_.end() ? total(&LossSum::loss) / counted() : mean(*own);
  }
  std::vector<std::pair<std::string, double>> other_means() const {
    std::vector<std::pair<std::string, double>> all;
    for (const Reported& each : reported_)
      if (each.name != kLoss) all.emplace_back(each.name, mean(each));
    return all;
  }

 private:
  static double mean(const Reported& of) { return of.sum / std::max(1.0, of.count); }

  double total(double (LossSum::*which)() const) const {
    double sum = 0;
    for (const LossSum& part : losses_) sum += (part.*which)();
    return sum;
  }

  std::vector<LossSum> losses_;  // read when all backwards are under way
  std::vector<Reported> reported_;
};

/// Those of the step's routers, on their way.
std::vector<std::pair<std::string, double>> means(const RouterLosses& of, const Arriving& sums,
                                                  int64_t micro_batches) {
  std::vector<std::pair<std::string, double>> all;
  for (size_t i = 0; i < of.names.size(); ++i)
    if (of.names[i])
      all.emplace_back(of.names[i], sums.values()[static_cast<int64_t>(i)].item<double>() /
                                        static_cast<double>(of.layers * micro_batches));
  return all;
}

}  // namespace

void add(const Reported& each, std::vector<Reported>& sums) {
  const auto found = std::ranges::find(sums, each.name, &Reported::name);
  Reported& whole = found == sums.end() ? sums.emplace_back(Reported{each.name, 0, 0}) : *found;
  whole.sum += each.sum;
  whole.count += each.count;
}

Computed computed(const Training& run, const Batch& batch, const MicroBatchAt& at) {
  Batch there = moved(batch, run.parameters->device());
  if (at.split != Split::train) return {run.decoder->loss(there)};
  // Gradients are divided by all tokens at the end, and so is the balancing loss, which is a mean.
  there.balance_scale = static_cast<double>(there.sequences * there.length);
  there.router_losses = run.router_losses.sums;
  there.before = at.index;
  there.last = at.index + 1 == at.count;
  return {run.decoder->forward_backward(there, 1)};
}

StepResult train_step(Training& run, const Compute& compute, const Batches& batches) {
  RECORD_USER_SCOPE("step");
  const int64_t consumed = run.counters.consumed_train_samples;
  StepResult result{.lr = run.schedule.learning_rate(run.scheduled),
                    .weight_decay = run.schedule.weight_decay(run.scheduled),
                    .sequences = batches.global_at(consumed)};
  run.parameters->begin_step();
  const RouterLosses& routers = run.router_losses;
  if (routers.sums.defined()) routers.sums.zero_();
  Sums sums;
  const int64_t count = batches.micro_batches_at(consumed);
  for (int64_t i = 0; i < count; ++i)
    sums.add(compute({.split = Split::train,
                      .consumed = consumed,
                      .index = i,
                      .count = count,
                      .sequences = batches.micro}));
  run.parameters->end_step();
  std::optional<Arriving> router_sums;
  if (routers.sums.defined()) router_sums.emplace(routers.sums);
  result.tokens = sums.tokens();
  result.loss = sums.loss();
  result.reported = sums.other_means();
  if (run.count_zeros) result.zeros = run.optimizer->zeros();
  const UpdateResult update =
      run.optimizer->update(result.lr, result.weight_decay, 1 / sums.counted());
  if (router_sums)  // they have come before the norm has
    for (auto& each : means(routers, *router_sums, count))
      result.reported.push_back(std::move(each));
  result.gradient_norm = update.gradient_norm;
  result.applied = update.applied;
  if (update.applied) update_expert_biases(*run.parameters, run.expert_bias_rate);
  if (run.measure_parameters) result.parameter_norm = run.optimizer->parameter_norm();
  ++run.counters.step;
  run.counters.consumed_train_samples += result.sequences;
  if (update.applied)
    run.scheduled += result.sequences;
  else
    ++run.skipped;
  return result;
}

Evaluated evaluate(const Compute& compute, MicroBatchAt at) {
  Sums sums;
  for (; at.index < at.count; ++at.index) {
    check_interrupt();
    sums.add(compute(at));
  }
  return {sums.loss(), sums.other_means()};
}

}  // namespace bascule
