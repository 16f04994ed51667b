// AdamW over a rank's arenas, with fp32 masters of bf16 parameters. Owned by one thread.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "kernels/adamw.h"
#include "nn/arena_source.h"
#include "nn/parameters.h"

namespace bascule {

struct AdamRule {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double clip = 1;  // the largest norm of all gradients; 0: any
};

struct UpdateResult {
  double gradient_norm = 0;  // before clipping
  bool applied = true;       // false: the norm is not finite, and nothing was changed
};

class Optimizer {
 public:
  /// `parameters` must outlive the optimizer.
  Optimizer(Parameters& parameters, const AdamRule& rule);

  /// One update with the gradients times `gradient_scale`. Clipped as Megatron does: by
  /// clip / (norm + 1e-6), where that is below 1.
  UpdateResult update(double lr, double weight_decay, double gradient_scale);

  int64_t zeros() const;          // among all gradients
  double parameter_norm() const;  // of all that is updated

  /// Updates done. A resumed run sets it.
  int64_t steps = 0;

  /// Per trained parameter, views: what is updated (with remainders where the parameter is not its
  /// own master) and the moments. The names are PREFIX + the parameter's.
  std::vector<NamedTensor> masters(const std::string& prefix = "") const;
  std::vector<NamedTensor> first_moments(const std::string& prefix = "") const;
  std::vector<NamedTensor> second_moments(const std::string& prefix = "") const;

  /// Takes masters from parameters, after these were filled.
  void take_masters();

 private:
  struct State {
    size_t arena = 0;
    at::Tensor first, second;
    at::Tensor remainders = {};  // of bf16 parameters, kernels/masters.h
    // On a GPU that updates them: where neighbours of the same rules end, and these (launch.h).
    at::Tensor ends = {}, rules = {};
  };
  UpdateResult update_on_gpu(double lr, double weight_decay, double gradient_scale);
  AdamW rule(double lr, double weight_decay) const;  // of the next update
  double norm() const;
  const State* state_of(const Parameter& parameter) const;  // nullptr where it is frozen
  std::vector<NamedTensor> named(const std::string& prefix, at::Tensor State::*which) const;

  Parameters& parameters_;
  AdamRule rule_;
  std::vector<State> states_;
};

}  // namespace bascule
