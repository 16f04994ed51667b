#include "train/saved_schedule.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/check.h"
#include "base/shown.h"

namespace bascule {
namespace {

using pickle::Value;
using Keys = std::initializer_list<const char*>;

/// Calls `entry` with the keys of each entry, Megatron's of today first, and its place.
void entries(Schedule& schedule, auto&& entry) {
  entry(Keys{"max_lr", "start_lr"}, schedule.max_lr);
  entry(Keys{"min_lr"}, schedule.min_lr);
  entry(Keys{"lr_warmup_steps", "warmup_iter", "warmup_steps"}, schedule.warmup_steps);
  entry(Keys{"lr_decay_steps", "end_iter", "decay_steps"}, schedule.decay_steps);
  entry(Keys{"lr_decay_style", "decay_style"}, schedule.style);
  entry(Keys{"start_wd"}, schedule.start_weight_decay);
  entry(Keys{"end_wd"}, schedule.end_weight_decay);
  entry(Keys{"wd_incr_style"}, schedule.increase);
  entry(Keys{"wd_incr_steps"}, schedule.increase_steps);
}

double plain(double value) { return value; }
int64_t plain(int64_t value) { return value; }
template <class Choice>
std::string plain(Choice value) {
  return std::string(spelled(value));
}

void take(const Value& held, double& value) { value = held.number(); }
void take(const Value& held, int64_t& value) { value = held.integer(); }
template <class Choice>
void take(const Value& held, Choice& value) {
  const auto all = spellings(value);
  const auto found = std::ranges::find(all, held.string(), &Spelling<Choice>::text);
  require(found != all.end(), Kind::format, "{} is unknown", shown(held.string()));
  value = found->value;
}

std::string common_file(const StoredRun& stored) { return (stored.path / "common.pt").string(); }

std::optional<Value> held_schedule(const StoredRun& stored) {
  const auto& common = stored.dist.common();
  if (!common) return {};
  auto held = common->find(kScheduleKey);
  return held && held->type() == pickle::Type::dict ? held : std::nullopt;
}

std::optional<Value> find_any(const Value& held, Keys keys) {
  for (const char* key : keys)
    if (auto found = held.find(key)) return found;
  return {};
}

/// What Megatron asserts of a schedule that it makes.
void check(const Schedule& schedule) {
  for (const double value : {schedule.max_lr, schedule.min_lr, schedule.warmup_steps,
                             schedule.start_weight_decay, schedule.end_weight_decay})
    require(std::isfinite(value) && value >= 0, Kind::format, "{} is in the schedule", value);
  require(schedule.min_lr <= schedule.max_lr, Kind::format,
          "the least learning rate is {}, above the peak, {}", schedule.min_lr, schedule.max_lr);
  require(static_cast<double>(schedule.decay_steps) > schedule.warmup_steps, Kind::format,
          "the decay has {} steps, and the warmup {}", schedule.decay_steps, schedule.warmup_steps);
}

}  // namespace

Value saved_schedule(Schedule schedule, int64_t steps) {
  std::vector<std::pair<Value, Value>> pairs = {{"num_steps", steps}};
  entries(schedule,
          [&](Keys keys, const auto& value) { pairs.emplace_back(*keys.begin(), plain(value)); });
  return Value::dict(pairs);
}

std::optional<int64_t> resumed_steps(const StoredRun& stored) {
  const auto held = held_schedule(stored);
  if (!held) return {};
  const auto found = find_any(*held, {"num_steps", "num_iters"});
  if (!found) return {};
  return in_context(common_file(stored), [&] {
    const int64_t steps = in_context("num_steps", [&] { return found->integer(); });
    require(steps >= 0, Kind::format, "the schedule has made {} steps", steps);
    return steps;
  });
}

Schedule resumed_schedule(const StoredRun& stored, const Settings& settings) {
  const SchedulerSettings& rules = settings.scheduler;
  const Schedule now = schedule(settings);
  const auto held = held_schedule(stored);
  if (!held || rules.override_opt_param_scheduler) return now;
  Schedule before = now;
  const std::string where = common_file(stored);
  entries(before, [&](Keys keys, auto& value) {
    const auto found = find_any(*held, keys);
    if (!found) return;
    const std::string key = *keys.begin();
    const auto asked = value;
    in_context(fmt::format("{}: {}", where, key), [&] { take(*found, value); });
    // What does not grow has no length.
    const bool matters = key != "wd_incr_steps" || now.increase != IncreaseStyle::constant;
    require(value == asked || !matters || rules.use_checkpoint_opt_param_scheduler, Kind::user,
            "{} was made with {} {}, and the settings say {}; give the same, or "
            "scheduler.override_opt_param_scheduler=true or "
            "scheduler.use_checkpoint_opt_param_scheduler=true",
            stored.path.string(), key, plain(value), plain(asked));
  });
  if (!rules.use_checkpoint_opt_param_scheduler) return now;
  in_context(where, [&] { check(before); });
  return before;
}

}  // namespace bascule
