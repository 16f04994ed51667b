#include "nn/parameters.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kernels/device.h"

namespace bascule {
namespace {

std::string key(const std::vector<std::string>& slots) {
  return fmt::format("{}", fmt::join(slots, " "));
}

Parameter described(const Binding& row, const Slots& slots) {
  Parameter parameter{.name = row.name, .slots = row.layout.leaves()};
  const Slot* first = slots.find(parameter.slots.front());
  require(first != nullptr, Kind::internal, "{} holds {}, which the model lacks", row.name,
          parameter.slots.front());
  parameter.group = first->group;
  parameter.decay = first->decay;
  return parameter;
}

/// Parameters that training changes only by rules of their own (the bias of a router's choice).
bool trained(const Parameter& parameter) {
  return !parameter.slots.front().ends_with("moe.expert_bias");
}

}  // namespace

Parameters::Parameters(const Slots& slots, Dialect local, const Shards& shards,
                       const ParameterOptions& options)
    : options_(options), local_(std::move(local)) {
  const auto wide = options.dtype == at::kDouble ? at::kDouble : at::kFloat;
  std::vector<int64_t> sizes;
  std::vector<Shape> shapes;
  for (const Binding& row : local_.bindings) {
    Parameter parameter = described(row, slots);
    parameter.rows = parameter.slots == std::vector<std::string>{"embed"} && slots.find("head");
    const bool fp32 = slots.find(parameter.slots.front())->fp32;
    const Arena wanted{.expert = parameter.group == Group::expert_tensor,
                       .dtype = fp32 ? wide : options.dtype,
                       .trainable = options.gradients && trained(parameter) &&
                                    !options.frozen.contains(parameter.name)};
    const auto same = std::ranges::find_if(arenas_, [&](const Arena& arena) {
      return arena.expert == wanted.expert && arena.dtype == wanted.dtype &&
             arena.trainable == wanted.trainable;
    });
    parameter.arena = static_cast<size_t>(same - arenas_.begin());
    if (same == arenas_.end()) {
      arenas_.push_back(wanted);
      sizes.push_back(0);
    }
    shapes.push_back(row.layout.pack(slots, shards).shape);
    parameter.offset = sizes[parameter.arena];
    sizes[parameter.arena] += elements(shapes.back());
    by_slots_[key(parameter.slots)] = all_.size();
    all_.push_back(std::move(parameter));
  }
  for (size_t i = 0; i < arenas_.size(); ++i) {
    Arena& arena = arenas_[i];
    const auto like = at::TensorOptions(options.device);
    arena.values = at::zeros({sizes[i]}, like.dtype(arena.dtype));
    if (arena.trainable) arena.gradients = at::empty({sizes[i]}, like.dtype(wide));
  }
  for (size_t i = 0; i < all_.size(); ++i) {
    Parameter& parameter = all_[i];
    const Arena& arena = arenas_[parameter.arena];
    const auto view = [&](const at::Tensor& all) {
      return all.narrow(0, parameter.offset, elements(shapes[i])).view(shapes[i]);
    };
    parameter.value = view(arena.values);
    parameter.squares = arena.squares;
    if (arena.trainable) parameter.gradient = view(arena.gradients);
    parameter.unwritten = {std::make_shared<bool>(true)};
    if (!options.gradients || !parameter.slots.front().ends_with("moe.router")) continue;
    tallies_.push_back({.name = parameter.name + " tally", .slots = parameter.slots});
    tallies_.back().gradient =
        at::zeros({2, shapes[i][0]}, at::TensorOptions(options.device).dtype(wide));
  }
}

const Parameter* Parameters::find(const std::vector<std::string>& slots) const {
  const auto found = by_slots_.find(key(slots));
  return found == by_slots_.end() ? nullptr : &all_[found->second];
}

const Parameter& Parameters::holding(const std::vector<std::string>& slots) const {
  const Parameter* found = find(slots);
  require(found != nullptr, Kind::internal, "no tensor of this rank holds {}", key(slots));
  return *found;
}

Parameter Parameters::stack(const std::vector<std::vector<std::string>>& slots) const {
  Parameter all = holding(slots.front());
  const Shape shape = all.value.sizes().vec();
  const int64_t count = static_cast<int64_t>(slots.size());
  const int64_t apart = count > 1 ? holding(slots[1]).offset - all.offset : elements(shape);
  for (int64_t i = 1; i < count; ++i) {
    const Parameter& each = holding(slots[static_cast<size_t>(i)]);
    require(each.arena == all.arena && each.offset == all.offset + i * apart &&
                each.value.sizes() == all.value.sizes(),
            Kind::internal, "{} does not lie in one row with {}", each.name, all.name);
    if (i > 0) all.unwritten.push_back(each.unwritten.front());
  }
  const auto view = [&](at::Tensor& one) {
    if (!one.defined()) return;
    std::vector<int64_t> sizes = one.sizes().vec(), strides = one.strides().vec();
    sizes.insert(sizes.begin(), count);
    strides.insert(strides.begin(), apart);
    one = one.as_strided(sizes, strides);
  };
  view(all.value);
  view(all.gradient);
  return all;
}

const Parameter* Parameters::tally(const std::string& slot) const {
  const auto found = std::ranges::find(tallies_, std::vector{slot}, &Parameter::slots);
  return found == tallies_.end() ? nullptr : &*found;
}

void Parameters::begin_step() {
  for (Parameter& each : all_) {
    const std::optional<int64_t> version = std::exchange(each.cleared_at, std::nullopt);
    each.zero = version && *version == each.gradient._version();
  }
  for (Parameter& each : tallies_) each.gradient.zero_();
  for (const Arena& arena : arenas_) *arena.squares = {};
  for (Parameter& each : all_)
    for (const auto& unwritten : each.unwritten) *unwritten = true;
}

void Parameters::end_step() {
  for (Parameter& each : all_)
    if (each.gradient.defined() && first_writes(each)) each.gradient.zero_();
}

void Parameters::cleared() {
  for (Parameter& each : all_)
    if (each.rows && each.gradient.defined()) each.cleared_at = each.gradient._version();
}

bool first_writes(const Parameter& parameter) {
  bool first = !parameter.unwritten.empty();  // tallies always add up
  for (const auto& unwritten : parameter.unwritten)
    first = std::exchange(*unwritten, false) && first;
  return first;
}

}  // namespace bascule
