#include "train/weights.h"

#include "base/check.h"
#include "nn/initial_values.h"

namespace bascule {

void take_weights(const Opened& opened, const TrainedModel& model, const Parameters& parameters) {
  const Arch &a = model.arch, &b = opened.arch;
  require(model.family == opened.family && a.hidden == b.hidden && a.vocab == b.vocab &&
              a.layers.size() == b.layers.size() && a.tied == b.tied,
          Kind::mismatch,
          "{} holds another model: family {} with {} layers of width {} and {} tokens, not {} with "
          "{} of width {} and {}",
          opened.path.string(), opened.family->name, b.layers.size(), b.hidden, b.vocab,
          model.family->name, a.layers.size(), a.hidden, a.vocab);
  fill(model.slots, opened.source(), opened.dialect, parameters.dialect(), {}, values(parameters));
}

void take_random_weights(uint64_t seed, const TrainedModel& model, const Parameters& parameters) {
  const InitialValues initial(model.slots, seed, model.arch.init_std,
                              static_cast<int64_t>(model.arch.layers.size()));
  fill(model.slots, initial, canonical(model.slots), parameters.dialect(), {}, values(parameters));
}

std::vector<NamedTensor> values(const Parameters& parameters) {
  std::vector<NamedTensor> all;
  for (const Parameter& each : parameters.all()) all.push_back({each.name, each.value});
  return all;
}

}  // namespace bascule
