// Where the micro-batches of a run come from, and who computes them. Owned by the run's thread.
#pragma once

#include <optional>

#include "train/feed.h"
#include "train/hooks.h"
#include "train/read_ahead.h"

namespace bascule {

class Work {
 public:
  /// All must outlive it. Opens the settings' datasets, unless the hooks have data.
  Work(const Training& run, const Settings& settings, const Batches& batches, const Hooks& hooks);

  /// Whether there are data of a kind.
  bool has(Split split) const;
  Computed compute(const MicroBatchAt& at);

 private:
  Batch batch(const MicroBatchAt& at);

  const Training& run_;
  const Hooks& hooks_;
  std::optional<Feed> feed_;
  std::optional<ReadAhead> ahead_;  // of feed_'s training data
};

}  // namespace bascule
