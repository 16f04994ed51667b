// The loop: steps, evaluations, saves, and when to stop.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bascule/reporter.h"
#include "recipe/resolve.h"
#include "train/hooks.h"

namespace bascule {

/// How a run ended.
struct TrainOutcome {
  int64_t step = 0, steps = 0;  // done, of so many
  int64_t consumed_samples = 0;
  std::optional<double> loss;  // of the last step; empty: none was done
  std::string begun;           // where it started from
  std::string saved;           // the last checkpoint; empty: none
  std::string stopped;         // why it stopped before its end; empty: it did not
  bool finished = false;       // before it began: there was nothing to do, which was said
};

/// Trains as the settings say, on this rank alone. `say` gets the lines for people. Throws Error,
/// and what hooks throw.
TrainOutcome train(const Resolved& resolved, Reporter& reporter,
                   const std::function<void(const std::string&)>& say, const Hooks& hooks = {});

}  // namespace bascule
