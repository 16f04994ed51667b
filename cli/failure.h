// Exceptions as messages and exit codes.
#pragma once

#include <exception>
#include <functional>

#include "bascule/error.h"
#include "cli/verb.h"

namespace bascule::cli {

/// What was thrown, as an Error for people: memory that ran out, a defect that is to be reported.
Error failure_of(const std::exception_ptr& thrown);

/// Runs `work`; whatever it throws becomes a result: "bascule: error: ..." for stderr, an exit
/// code, and with `json` one object for stdout.
Result guarded(const std::function<Result()>& work, bool json, const Terminal& err);

}  // namespace bascule::cli
