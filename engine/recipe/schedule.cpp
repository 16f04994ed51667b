#include "recipe/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "recipe/settings.h"

namespace bascule {
namespace {

// Every expression has the order of operations of megatron-core's, for the last bit.

double half_cosine(double ratio) { return 0.5 * (std::cos(std::numbers::pi * ratio) + 1.0); }

double annealed(AnnealingStyle style, double ratio) {
  switch (style) {
    case AnnealingStyle::linear:
      return 1.0 - ratio;
    case AnnealingStyle::cosine:
      return half_cosine(ratio);
    case AnnealingStyle::exponential:
      return (2.0 * std::pow(0.5, ratio)) - 1.0;
    case AnnealingStyle::minus_sqrt:
      break;
  }
  return 1.0 - std::sqrt(ratio);
}

/// Steps of a setting that may be given in iterations or in samples.
int64_t in_samples(const char* name, int64_t iterations, int64_t batch) {
  int64_t samples = 0;
  require(!__builtin_mul_overflow(iterations, batch, &samples), Kind::user,
          "{} is {}, which with a global batch of {} are more samples than can be counted", name,
          iterations, batch);
  return samples;
}

}  // namespace

double Schedule::learning_rate(int64_t steps) const {
  const double done = static_cast<double>(steps), last = static_cast<double>(decay_steps);
  if (warmup_steps > 0 && done <= warmup_steps)
    return init_lr + ((max_lr - init_lr) * done / warmup_steps);
  if (style == DecayStyle::constant) return max_lr;
  if (steps > decay_steps) return min_lr;
  if (style == DecayStyle::inverse_square_root) {
    const double lr =
        max_lr * std::sqrt(std::max(warmup_steps, 1.0)) / std::sqrt(std::max(done, 1.0));
    return std::max(min_lr, lr);
  }
  const double ratio = (done - warmup_steps) / (last - warmup_steps);
  double part = 1.0;
  if (style == DecayStyle::linear) {
    part = 1.0 - ratio;
  } else if (style == DecayStyle::cosine) {
    part = half_cosine(ratio);
  } else if (const int64_t start = decay_steps - annealing_steps; steps > start) {
    part = annealed(annealing,
                    static_cast<double>(steps - start) / static_cast<double>(annealing_steps));
  }
  return min_lr + part * (max_lr - min_lr);
}

double Schedule::weight_decay(int64_t steps) const {
  if (increase == IncreaseStyle::constant || steps > increase_steps) return end_weight_decay;
  const double ratio = static_cast<double>(steps) / static_cast<double>(increase_steps);
  const double part = increase == IncreaseStyle::linear ? ratio : half_cosine(1 - ratio);
  return start_weight_decay + part * (end_weight_decay - start_weight_decay);
}

Schedule schedule(const Settings& settings) {
  const SchedulerSettings& given = settings.scheduler;
  const OptimizerSettings& optimizer = settings.optimizer;
  require(optimizer.lr.has_value(), Kind::user, "optimizer.lr is not set");
  const int64_t batch = global_batch_size(settings);
  const bool samples = settings.train.train_samples.has_value();
  const auto steps = [&](const char* name, int64_t iterations) {
    return in_samples(name, iterations, batch);
  };
  const int64_t whole =
      samples ? *settings.train.train_samples : steps("train.train_iters", train_iters(settings));

  Schedule made{.style = given.lr_decay_style,
                .annealing = given.lr_wsd_decay_style,
                .init_lr = given.lr_warmup_init,
                .max_lr = *optimizer.lr,
                .min_lr = optimizer.min_lr.value_or(0),
                .start_weight_decay = given.start_weight_decay.value_or(optimizer.weight_decay),
                .end_weight_decay = given.end_weight_decay.value_or(optimizer.weight_decay),
                .increase = given.weight_decay_incr_style,
                .increase_steps = whole};
  if (samples) {
    made.decay_steps = given.lr_decay_samples.value_or(whole);
    made.annealing_steps = given.lr_wsd_decay_samples.value_or(0);
    made.warmup_steps = static_cast<double>(given.lr_warmup_samples);
  } else {
    made.decay_steps =
        given.lr_decay_iters ? steps("scheduler.lr_decay_iters", *given.lr_decay_iters) : whole;
    made.annealing_steps =
        steps("scheduler.lr_wsd_decay_iters", given.lr_wsd_decay_iters.value_or(0));
    made.warmup_steps =
        static_cast<double>(steps("scheduler.lr_warmup_iters", given.lr_warmup_iters));
  }
  if (given.lr_warmup_fraction)
    made.warmup_steps = *given.lr_warmup_fraction * static_cast<double>(made.decay_steps);
  made.warmup_steps = std::min(made.warmup_steps, static_cast<double>(made.decay_steps - 1));
  return made;
}

}  // namespace bascule
