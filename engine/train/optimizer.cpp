#include "train/optimizer.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/arriving.h"
#include "kernels/cuda/kernels.h"
#include "kernels/masters.h"

namespace bascule {
namespace {

using at::Tensor;

/// Gradients whose squares are known are not read again.
void add_squares(const Arena& arena, Tensor& to) {
  if constexpr (cuda::kBuilt) {
    if (arena.squares->elements != arena.gradients.numel())
      to.add_(cuda::sum_of_squares(arena.gradients));
    else
      for (const Tensor& sums : arena.squares->sums) to.add_(sums.sum());
  }
}

/// What an arena's tensor keeps of a parameter, in its shape.
Tensor part(const Tensor& all, const Parameter& parameter) {
  return all.narrow(0, parameter.offset, parameter.value.numel()).view(parameter.value.sizes());
}

}  // namespace

Optimizer::Optimizer(Parameters& parameters, const AdamRule& rule)
    : parameters_(parameters), rule_(rule) {
  for (size_t i = 0; i < parameters.arenas().size(); ++i) {
    const Arena& arena = parameters.arenas()[i];
    if (!arena.trainable) continue;
    State state{.arena = i,
                .first = at::zeros_like(arena.gradients),
                .second = at::zeros_like(arena.gradients)};
    if (arena.dtype == at::kBFloat16)
      state.remainders = at::zeros_like(arena.values, arena.values.options().dtype(at::kShort));
    states_.push_back(std::move(state));
  }
  if (!parameters.device().is_cuda()) return;
  for (State& state : states_) {
    std::vector<int64_t> ends;
    std::vector<uint8_t> rules;
    for (const Parameter& parameter : parameters.all()) {
      if (parameter.arena != state.arena) continue;
      const int64_t end = parameter.offset + parameter.value.numel();
      const auto own = static_cast<uint8_t>((parameter.decay ? cuda::kDecays : 0) |
                                            (parameter.rows ? cuda::kClears : 0));
      if (!rules.empty() && rules.back() == own) {
        ends.back() = end;
      } else {
        ends.push_back(end);
        rules.push_back(own);
      }
    }
    state.ends = at::tensor(ends, at::TensorOptions(at::kLong)).to(parameters.device());
    state.rules = at::tensor(rules, at::TensorOptions(at::kByte)).to(parameters.device());
  }
}

AdamW Optimizer::rule(double lr, double weight_decay) const {
  return {.lr = lr,
          .weight_decay = weight_decay,
          .beta1 = rule_.beta1,
          .beta2 = rule_.beta2,
          .eps = rule_.eps,
          .step = steps + 1};
}

const Optimizer::State* Optimizer::state_of(const Parameter& parameter) const {
  const auto state = std::ranges::find(states_, parameter.arena, &State::arena);
  return state == states_.end() ? nullptr : &*state;
}

double Optimizer::norm() const {
  double sum = 0;
  for (const State& state : states_)
    sum += sum_of_squares(parameters_.arenas()[state.arena].gradients);
  return std::sqrt(sum);
}

int64_t Optimizer::zeros() const {
  int64_t sum = 0;
  for (const State& state : states_) {
    const Tensor& gradients = parameters_.arenas()[state.arena].gradients;
    sum += gradients.numel() - gradients.count_nonzero().item<int64_t>();
  }
  return sum;
}

double Optimizer::parameter_norm() const {
  double sum = 0;
  for (const State& state : states_) {
    const Tensor& values = parameters_.arenas()[state.arena].values;
    if (!state.remainders.defined()) {
      sum += sum_of_squares(values);
      continue;
    }
    const int64_t count = values.numel(), most = masters_at_once(values.device());
    for (int64_t begin = 0; begin < count; begin += most) {
      const int64_t size = std::min(most, count - begin);
      sum += sum_of_squares(
          masters_of(values.narrow(0, begin, size), state.remainders.narrow(0, begin, size)));
    }
  }
  return std::sqrt(sum);
}

UpdateResult Optimizer::update(double lr, double weight_decay, double gradient_scale) {
  RECORD_USER_SCOPE("update");
  if constexpr (cuda::kBuilt)
    if (parameters_.device().is_cuda()) return update_on_gpu(lr, weight_decay, gradient_scale);
  UpdateResult result{.gradient_norm = norm() * std::abs(gradient_scale)};
  if (!std::isfinite(result.gradient_norm)) return {result.gradient_norm, false};
  double scale = gradient_scale;
  if (rule_.clip > 0) scale *= std::min(1.0, rule_.clip / (result.gradient_norm + 1e-6));
  AdamW now = rule(lr, weight_decay);
  now.gradient_scale = scale;
  for (const Parameter& parameter : parameters_.all()) {
    const State* const state = state_of(parameter);
    if (!state) continue;
    now.weight_decay = parameter.decay ? weight_decay : 0;
    const Tensor first = part(state->first, parameter), second = part(state->second, parameter);
    if (state->remainders.defined())
      adamw(parameter.value, part(state->remainders, parameter), parameter.gradient, first, second,
            now);
    else
      adamw(parameter.value, parameter.gradient, first, second, now);
  }
  ++steps;
  return result;
}

// The norm, the factor that clips, and whether to update at all stay on the GPU, so that nothing
// waits between the backward and the update.
UpdateResult Optimizer::update_on_gpu(double lr, double weight_decay, double gradient_scale) {
  if constexpr (cuda::kBuilt) {
    Tensor norm = at::zeros({}, at::TensorOptions(at::kDouble).device(parameters_.device()));
    for (const State& state : states_) add_squares(parameters_.arenas()[state.arena], norm);
    norm = norm.sqrt_().mul_(std::abs(gradient_scale));
    Tensor scale = at::full_like(norm, gradient_scale);
    if (rule_.clip > 0) scale.mul_((norm + 1e-6).reciprocal_().mul_(rule_.clip).clamp_max_(1.0));
    scale.masked_fill_(at::isfinite(norm).logical_not_(), std::nan(""));
    const Arriving found(norm);
    for (const State& state : states_) {
      const Arena& arena = parameters_.arenas()[state.arena];
      cuda::adamw({.values = arena.values,
                   .remainders = state.remainders,
                   .gradients = arena.gradients,
                   .first = state.first,
                   .second = state.second,
                   .ends = state.ends,
                   .rules = state.rules},
                  rule(lr, weight_decay), scale);
    }
    // The next step is prepared while this one's parameters are updated.
    UpdateResult result{.gradient_norm = found.values().item<double>()};
    result.applied = std::isfinite(result.gradient_norm);
    if (!result.applied) return result;
    parameters_.cleared();
    ++steps;
    return result;
  }
  fail(Kind::internal, "this build has no kernels for GPUs");
}

std::vector<NamedTensor> Optimizer::masters(const std::string& prefix) const {
  std::vector<NamedTensor> all;
  for (const Parameter& parameter : parameters_.all())
    if (const State* state = state_of(parameter))
      all.push_back({prefix + parameter.name, parameter.value,
                     state->remainders.defined() ? part(state->remainders, parameter) : Tensor()});
  return all;
}
std::vector<NamedTensor> Optimizer::named(const std::string& prefix, Tensor State::*which) const {
  std::vector<NamedTensor> all;
  for (const Parameter& parameter : parameters_.all())
    if (const State* state = state_of(parameter))
      all.push_back({prefix + parameter.name, part(state->*which, parameter)});
  return all;
}
std::vector<NamedTensor> Optimizer::first_moments(const std::string& prefix) const {
  return named(prefix, &State::first);
}
std::vector<NamedTensor> Optimizer::second_moments(const std::string& prefix) const {
  return named(prefix, &State::second);
}

void Optimizer::take_masters() {
  for (const State& state : states_)
    if (state.remainders.defined()) state.remainders.zero_();
}

}  // namespace bascule
