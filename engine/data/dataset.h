// The samples of one split: of one dataset, or of a blend of several.
//
// A value that is cheap to copy. Immutable; any number of threads may read.
#pragma once

#include <vector>

#include "data/blend.h"
#include "data/gpt_dataset.h"

namespace bascule {

class Dataset {
 public:
  /// All samples of one dataset, in its order.
  explicit Dataset(GptDataset only);
  /// Throws Error{user} when the blend takes more samples of a part than it has.
  Dataset(std::vector<GptDataset> parts, BlendIndices blend);

  int64_t size() const { return blended_ ? blend_.parts.size() : parts_.front().size(); }
  const SampleRules& rules() const { return parts_.front().rules(); }
  const std::vector<GptDataset>& parts() const { return parts_; }
  /// Both arrays are empty where nothing is blended.
  const BlendIndices& blend() const { return blend_; }

  void read(int64_t index, const SampleView& out) const;

 private:
  std::vector<GptDataset> parts_;
  BlendIndices blend_;
  bool blended_;
};

/// Samples one below the other, row-major.
struct SampleBatch {
  int64_t rows = 0, length = 0;
  std::vector<int64_t> tokens, labels, position_ids;
  std::vector<float> loss_mask;
};

SampleBatch read_batch(const Dataset& dataset, std::span<const int64_t> samples);

}  // namespace bascule
