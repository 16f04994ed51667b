// Micro-batches from datasets: a pure function of settings, files and what was consumed.
#pragma once

#include <optional>

#include "data/dataset_builder.h"
#include "data/sampler.h"
#include "nn/batch.h"
#include "recipe/batches.h"
#include "recipe/settings.h"

namespace bascule {

class Feed {
 public:
  /// Opens what the settings name for a run on tokens below `vocabulary`.
  Feed(const Settings& settings, int64_t vocabulary);

  bool has(Split split) const { return datasets_[static_cast<size_t>(split)].has_value(); }
  /// Micro-batch `index` of a step that begins after `consumed` samples. Throws Error{user} when
  /// the dataset ends before.
  Batch read(Split split, int64_t consumed, int64_t index) const;

 private:
  PerSplit<std::optional<Dataset>> datasets_;
  int64_t micro_batch_;
  std::optional<int64_t> hides_behind_;  // the end of document that attention does not look behind
};

}  // namespace bascule
