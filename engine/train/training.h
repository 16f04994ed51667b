// A training run in memory: the model, its parameters, the optimizer, the counters. Owned by one
// thread.
#pragma once

#include <memory>
#include <string>

#include "bridge/trained_model.h"
#include "kernels/device.h"
#include "nn/decoder.h"
#include "nn/parameters.h"
#include "recipe/schedule.h"
#include "recipe/settings.h"
#include "store/torch_dist/random_state.h"
#include "store/torch_dist/train_state.h"
#include "train/optimizer.h"

namespace bascule {

struct Training {
  TrainedModel model;
  std::string dtype;  // of the parameters, torch's name
  std::unique_ptr<Parameters> parameters;
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<Optimizer> optimizer;
  Schedule schedule;            // of learning rate and weight decay
  RandomState random;           // no step draws from it: it travels for Megatron
  TrainState counters;          // step: updates that were tried, skipped ones included
  double expert_bias_rate = 0;  // a step of update_expert_biases()
  bool count_zeros = false, measure_parameters = false;  // what a step reports, too
  int64_t skipped = 0;                                   // steps whose gradients were not finite
  std::string begun;                                     // one sentence: where it starts from
};

/// Allocates parameters, all zero, and the optimizer, on one rank.
Training make_training(TrainedModel model, const Settings& settings,
                       at::Device device = training_device());

}  // namespace bascule
