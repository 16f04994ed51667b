// How another program takes part in a run, such as Python through python/engine: what it computes
// in the engine's place, and what it is told. Values; called on the run's thread alone. What a hook
// throws ends the run, and comes out of train() as it is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "data/splits.h"
#include "train/metrics.h"
#include "train/module.h"
#include "train/scalars.h"
#include "train/step.h"

namespace bascule {

/// A moment of a run, under the name that Megatron Bridge gives the callback for it.
struct Moment {
  std::string_view name;                      // "on_train_step_end"
  const StepRow* step = nullptr;              // of on_train_step_end
  const EvaluationRow* evaluation = nullptr;  // of on_eval_end, on_test_end
  std::string path = {};                      // of on_checkpoint_save: the iteration's directory
};

struct Hooks {
  /// The run, once it is in memory, before its first step.
  std::function<void(const std::shared_ptr<Training>&)> begun = {};
  std::function<void(const Moment&)> tell = {};
  /// Asked between pieces of work: throws where the run is to stop at once.
  std::function<void()> check = {};

  /// Whether there are data of a kind; given, the settings' datasets are left alone.
  std::function<bool(Split)> has = {};
  /// Those data, for what the engine computes. May be empty where `compute` reads on its own.
  std::function<Batch(const MicroBatchAt&)> read = {};
  /// The forward and, of training data, the backward of a micro-batch; `batch` gives that of the
  /// settings' datasets, on the run's device.
  std::function<Computed(const MicroBatchAt&, const std::function<Batch()>& batch)> compute = {};

  /// What is trained in place of the settings' model; `compute` is needed then.
  std::optional<Module> module = {};
  /// The states of random generators that `compute` draws from, as they are now; `before` has what
  /// the last checkpoint held.
  std::function<RandomState(const RandomState& before)> random = {};

  /// Told every row as scalars, where somebody wants them.
  std::function<void(int64_t step, const Scalars&)> log = {};
  /// When a hook throws after steps that no checkpoint has, they are saved first.
  bool save_on_error = false;
};

}  // namespace bascule
