// Where the values of a model's parameters come from. Free functions; one thread a model.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bridge/trained_model.h"
#include "nn/arena_source.h"
#include "nn/parameters.h"

namespace bascule {

/// Throws Error{mismatch} where a checkpoint is of another family or other sizes than `wanted`,
/// which is `whose`: "the settings".
void require_same_model(const Opened& opened, const TrainedModel& wanted, std::string_view whose,
                        std::string_view remedy);

/// Reads all weights of a checkpoint of the same model. Throws Error{mismatch} for another one.
void take_weights(const Opened& opened, const TrainedModel& model, const Parameters& parameters);

/// Values of a model that is trained from nothing: those that a run with rng.seed = `seed` has.
void take_random_weights(uint64_t seed, const TrainedModel& model, const Parameters& parameters);

/// All parameters by the names of the rank's dialect.
std::vector<NamedTensor> values(const Parameters& parameters);

}  // namespace bascule
