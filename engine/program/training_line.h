// A run's live line on a terminal: where it stands, its loss, and how long it will take. Used from
// the training thread alone.
#pragma once

#include <chrono>
#include <optional>

#include "cli/progress.h"
#include "train/metrics.h"

namespace bascule::cli {

/// "training  [====>    ]  step  41 of 100  loss 3.2145  4:05 min left".
class TrainingLine {
 public:
  explicit TrainingLine(Progress& progress) : progress_(progress) {}

  /// A step is done.
  void step(const StepRow& row);
  /// Shows the last step, if there is one.
  void draw();

 private:
  using Clock = std::chrono::steady_clock;

  Progress& progress_;
  std::optional<StepRow> last_;
  Clock::time_point began_,
      ended_;          // the ends of the first step, which takes longest, and the last
  int64_t first_ = 0;  // the number of that step
};

}  // namespace bascule::cli
