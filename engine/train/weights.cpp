#include "train/weights.h"

#include "base/check.h"
#include "nn/initial_values.h"

namespace bascule {

void require_same_model(const Opened& opened, const TrainedModel& wanted, std::string_view whose,
                        std::string_view remedy) {
  const Arch &a = wanted.arch, &b = opened.arch;
  require(wanted.family == opened.family && a.hidden == b.hidden && a.vocab == b.vocab &&
              a.layers.size() == b.layers.size(),
          Kind::mismatch,
          "{} holds another model than {}: family {} with {} layers of width {} and {} tokens, not "
          "{} with {} of width {} and {}; {}",
          opened.path.string(), whose, opened.family->name, b.layers.size(), b.hidden, b.vocab,
          wanted.family->name, a.layers.size(), a.hidden, a.vocab, remedy);
}

void take_weights(const Opened& opened, const TrainedModel& model, const Parameters& parameters) {
  require_same_model(opened, model, "the one to fill", "name a checkpoint of that one");
  require(model.arch.tied == opened.arch.tied, Kind::mismatch,
          "{} holds another model than the one to fill: its head is {}the embedding",
          opened.path.string(), opened.arch.tied ? "" : "not ");
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
