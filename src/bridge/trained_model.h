// A model that is trained: what it is, and what travels with it into every checkpoint. A value.
#pragma once

#include <string>
#include <vector>

#include "bridge/megatron_model.h"
#include "bridge/opened.h"
#include "bridge/state.h"
#include "bridge/travel.h"

namespace bascule {

struct TrainedModel {
  const Family* family = nullptr;
  Arch arch = {};
  Slots slots = {};
  int64_t vocab_multiple = 1;
  std::string hf_model_id = {};            // where Bridge looks for the Hugging Face model
  State state = {};                        // what an export needs to know
  std::vector<Travelling> tokenizer = {};  // files, by their name in an iteration
  std::vector<Travelling> others = {};
};

/// What is to be remembered of a Hugging Face directory: its files, and keys that were ignored.
State hf_state(const Opened& opened);

/// Of a checkpoint to start from or to resume; `path` is how it was named.
TrainedModel trained_model(const Opened& opened, const std::string& path);
/// What of a model of `wanted`'s sizes is otherwise in a checkpoint, in Megatron's settings; empty
/// where nothing is. Lengths of sequences and the spread of initial weights are a training's own.
std::string differing(const TrainedModel& wanted, const Opened& opened);

/// Of a recipe, which has no files.
TrainedModel trained_model(const MegatronModel& model);

}  // namespace bascule
