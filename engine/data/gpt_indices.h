// Megatron's order of training samples: three arrays, each derived from the one before.
//
// Documents: the sequences of a split, once an epoch, shuffled. Samples: where in that row each
// sample begins. Shuffle: in which order samples are drawn. What Megatron calls a document here is
// a sequence of the indexed dataset. Pure functions; the same seed always gives the same arrays.
#pragma once

#include <functional>
#include <optional>

#include "data/held_array.h"
#include "data/splits.h"

namespace bascule {

/// What the arrays are made from.
struct SampleOrder {
  SequenceRange sequences;
  std::optional<int64_t> wanted;  ///< samples; none: as many as one epoch gives
  int64_t sequence_length = 0;
  int64_t extra_tokens = 1;  ///< 1: a sample is one token longer, for the last label
  bool drop_last_partial = true;
  uint32_t seed = 1234;
};

/// How many epochs that takes, and how many samples come out.
struct EpochPlan {
  int64_t tokens_per_epoch = 0;
  int64_t epochs = 1;
  int64_t samples = 0;
  bool last_epoch_apart = false;  ///< the last epoch is shuffled on its own
  int64_t samples_before_last_epoch = 0;

  bool operator==(const EpochPlan&) const = default;
};

using Length = std::function<int64_t(int64_t sequence)>;

/// Throws Error{user} when samples are wanted of a split without tokens, and Error{unsupported}
/// beyond 2^31 - 1 shuffled sequences or 2^32 - 3 samples.
EpochPlan plan_epochs(const SampleOrder& order, int64_t tokens_per_epoch);

struct GptIndices {
  HeldArray<int32_t> documents;  ///< sequence numbers
  HeldArray<int32_t> samples;    ///< two a sample, one sample more than there are: place in
                                 ///< documents, token in that sequence
  HeldArray<uint32_t> shuffle;   ///< sample numbers
};

GptIndices build_indices(const SampleOrder& order, const EpochPlan& plan, const Length& length);

}  // namespace bascule
