// Exceptions as messages and exit codes.
#pragma once

#include <functional>

#include "cli/verb.h"

namespace bascule::cli {

/// Runs `work`; whatever it throws becomes a result: "bascule: error: ..." for stderr, an exit
/// code, and with `json` one object for stdout.
Result guarded(const std::function<Result()>& work, bool json, const Terminal& err);

}  // namespace bascule::cli
