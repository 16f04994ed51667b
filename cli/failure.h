// Exceptions as messages and exit codes.
#pragma once

#include <exception>
#include <functional>
#include <string_view>

#include "bascule/error.h"
#include "cli/verb.h"

namespace bascule::cli {

/// The kind of an error by its name in reports. Throws Error{internal} where there is none.
Kind kind_called(std::string_view name);

/// What was thrown, as an Error for people: memory that ran out, a defect that is to be reported.
Error failure_of(const std::exception_ptr& thrown);

/// Runs `work`; whatever it throws becomes a result: "bascule: error: ..." for stderr, an exit
/// code, and with `json` one object for stdout.
Result guarded(const std::function<Result()>& work, bool json, const Terminal& err);

}  // namespace bascule::cli
