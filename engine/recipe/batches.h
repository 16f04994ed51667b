// How many sequences each step takes: constant, or growing at the start. A value.
#pragma once

#include <cstdint>

namespace bascule {

struct Settings;

struct Batches {
  int64_t micro = 1, global = 1;  // sequences; micro divides every global batch
  int64_t start = 1, increment = 0, rampup_samples = 0;  // increment 0: constant

  /// The global batch after so many sequences: megatron-core 0.16.1's
  /// RampupBatchsizeNumMicroBatchesCalculator.
  int64_t global_at(int64_t consumed) const;
  int64_t micro_batches_at(int64_t consumed) const { return global_at(consumed) / micro; }
  /// Sequences that the first `steps` steps take.
  int64_t consumed_after(int64_t steps) const;
  bool operator==(const Batches&) const = default;
};

/// The batches of resolved settings.
Batches batches(const Settings& settings);

}  // namespace bascule
