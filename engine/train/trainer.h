// The loop: steps, evaluations, saves, and when to stop.
#pragma once

#include <functional>
#include <string>

#include "bascule/reporter.h"
#include "recipe/resolve.h"
#include "train/hooks.h"

namespace bascule {

/// How a run ended.
struct TrainOutcome {
  int64_t step = 0, steps = 0;  // done, of so many
  int64_t consumed_samples = 0;
  double loss = 0;      // of the last step
  std::string begun;    // where it started from
  std::string saved;    // the last checkpoint; empty: none
  std::string stopped;  // why it stopped before its end; empty: it did not
};

/// Trains as the settings say, on this rank alone. `say` gets the lines for people. Throws Error,
/// and what hooks throw.
TrainOutcome train(const Resolved& resolved, Reporter& reporter,
                   const std::function<void(const std::string&)>& say, const Hooks& hooks = {});

}  // namespace bascule
