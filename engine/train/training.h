// A training run in memory: the model, its parameters, the optimizer, the counters. Owned by one
// thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/trained_model.h"
#include "kernels/device.h"
#include "nn/arena_source.h"
#include "nn/decoder.h"
#include "nn/parameters.h"
#include "recipe/schedule.h"
#include "recipe/settings.h"
#include "store/torch_dist/random_state.h"
#include "store/torch_dist/train_state.h"
#include "train/loaded_model.h"
#include "train/optimizer.h"
#include "train/under_way.h"

namespace bascule {

/// What a module that others compute consists of, and how its checkpoints spell that: as itself.
struct ModuleForm {
  Slots slots = {};
  Dialect dialect = {};                                    // parameters, then buffers
  std::function<std::vector<NamedTensor>()> buffers = {};  // as they are now
};

/// What a step tells of its routers: of the losses that act, means over layers and micro-batches
/// without coefficients, by Megatron's names.
struct RouterLosses {
  std::array<const char*, 2> names = {};  // nullptr: it does not act
  int64_t layers = 0;                     // that have a router
  at::Tensor sums = {};                   // Batch::router_losses; undefined where none acts
};

struct Training {
  std::optional<TrainedModel> model;  // what `decoder` computes, or ...
  std::optional<ModuleForm> module;   // ... what others do: one of the two
  std::shared_ptr<Parameters> parameters;
  std::shared_ptr<Decoder> decoder;  // of `model`
  std::shared_ptr<UnderWay> under_way = std::make_shared<UnderWay>();
  std::unique_ptr<Optimizer> optimizer;
  Schedule schedule;            // of learning rate and weight decay
  int64_t scheduled = 0;        // samples of updates that were applied: the schedule's steps
  RouterLosses router_losses;   // what a step tells of them
  RandomState random;           // no step of the engine draws from it: it travels for Megatron
  TrainState counters;          // step: updates that were tried, skipped ones included
  double expert_bias_rate = 0;  // a step of update_expert_biases()
  bool count_zeros = false, measure_parameters = false;  // what a step reports, too
  int64_t skipped = 0;                                   // steps whose gradients were not finite
  std::string begun;                                     // one sentence: where it starts from
};

/// Allocates parameters, all zero, and the optimizer, on one rank.
Training make_training(TrainedModel model, const Settings& settings,
                       at::Device device = training_device());

/// What every run has beside its parameters: the optimizer, the schedule, counters.
void equip(Training& run, const Settings& settings);

/// All that a checkpoint of a run of a module holds of it, in the order of its dialect.
std::vector<NamedTensor> module_tensors(const Training& run);

/// The run's own model, for others to drive: it shares all tensors.
std::shared_ptr<LoadedModel> shared_model(const Training& run);

}  // namespace bascule
