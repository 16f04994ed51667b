#include "recipe/batches.h"

#include <algorithm>

#include "base/check.h"
#include "recipe/settings.h"

namespace bascule {

int64_t Batches::global_at(int64_t consumed) const {
  if (increment == 0 || global == start || consumed > rampup_samples) return global;
  // Megatron divides doubles, too, and cuts the quotient.
  const int64_t increments = (global - start) / increment;
  const double each = static_cast<double>(rampup_samples) / static_cast<double>(increments);
  if (each == 0) return start;  // only consumed = 0 comes here
  const auto grown = static_cast<int64_t>(static_cast<double>(consumed) / each);
  return std::min(global, start + grown * increment);
}

int64_t Batches::consumed_after(int64_t steps) const {
  int64_t consumed = 0;
  for (; steps > 0 && consumed <= rampup_samples && increment != 0; --steps)
    consumed += global_at(consumed);
  return consumed + steps * global;
}

Batches batches(const Settings& settings) {
  Batches made{.micro = settings.train.micro_batch_size.value_or(1),
               .global = global_batch_size(settings)};
  require(made.global % made.micro == 0, Kind::user,
          "train.global_batch_size is {}, which is no multiple of train.micro_batch_size, {}",
          made.global, made.micro);
  made.start = made.global;
  const auto& ramp = settings.train.rampup_batch_size;
  if (!ramp) return made;
  constexpr const char* key = "train.rampup_batch_size";
  require(ramp->size() == 3, Kind::user,
          "{} has {} numbers, but three are needed: start, increment, samples", key, ramp->size());
  made.start = (*ramp)[0];
  made.increment = (*ramp)[1];
  made.rampup_samples = (*ramp)[2];
  require(made.start >= 1 && made.increment >= 1, Kind::user,
          "{} starts at {} and grows by {}, but both must be at least 1", key, made.start,
          made.increment);
  require(made.start <= made.global, Kind::user,
          "{} starts at {}, above train.global_batch_size, {}", key, made.start, made.global);
  require((made.global - made.start) % made.increment == 0, Kind::user,
          "{} grows from {} by {}, which never gives train.global_batch_size, {}", key, made.start,
          made.increment, made.global);
  require(made.start % made.micro == 0 && made.increment % made.micro == 0, Kind::user,
          "{} starts at {} and grows by {}, but both must be multiples of train.micro_batch_size, "
          "{}",
          key, made.start, made.increment, made.micro);
  return made;
}

}  // namespace bascule
