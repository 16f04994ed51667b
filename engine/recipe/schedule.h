// The learning rate and weight decay of every step, as pure functions of what was consumed: equal
// to the last bit to megatron-core 0.16.1's OptimizerParamScheduler. A value.
#pragma once

#include <cstdint>

#include "recipe/choices.h"

namespace bascule {

struct Settings;

/// Megatron counts `steps` in samples: before update s of a run without ramp-up, s times the global
/// batch are done. So update 0 of a warmup from 0 has a learning rate of 0.
struct Schedule {
  DecayStyle style = DecayStyle::linear;
  AnnealingStyle annealing = AnnealingStyle::exponential;  // WSD only
  double init_lr = 0, max_lr = 0, min_lr = 0;
  double warmup_steps = 0;      // a fraction of decay_steps need not be whole
  int64_t decay_steps = 1;      // warmup included
  int64_t annealing_steps = 0;  // WSD only: the last of decay_steps

  double start_weight_decay = 0, end_weight_decay = 0;
  IncreaseStyle increase = IncreaseStyle::constant;
  int64_t increase_steps = 0;

  double learning_rate(int64_t steps) const;
  double weight_decay(int64_t steps) const;
  bool operator==(const Schedule&) const = default;
};

/// The schedule of resolved settings. As Megatron Bridge, it cuts a warmup that is as long as the
/// decay to one step less.
Schedule schedule(const Settings& settings);

}  // namespace bascule
