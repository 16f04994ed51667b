// Megatron's line about the last steps, as text. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "train/metrics.h"

namespace bascule {

/// " [2026-01-31 12:00:00] iteration       10/     100 | consumed samples: ... |". Times and losses
/// are means over `rows`, which are not empty; the rest is the last row's. `now` is seconds since
/// 1970, shown as UTC. Unlike Megatron's, the learning rate is that of the last update, not the
/// next one's.
std::string console_line(const std::vector<StepRow>& rows, bool throughput, int64_t now);

std::string console_line(const EvaluationRow& row);

}  // namespace bascule
