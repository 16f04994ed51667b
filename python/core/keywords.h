// Python's keywords as the command line's options: what they are called, which values they take and
// what is said about a wrong one is stated there. To be called with the interpreter's lock held.
#pragma once

#include <nanobind/nanobind.h>

#include <vector>

#include "cli/verb.h"

namespace bascule::python {

/// Stores `padded_vocab_multiple=128` by the option --padded-vocab-multiple. None and False say
/// nothing, True sets a flag, a list or tuple repeats an option. Throws Error{user} that names the
/// keyword.
void store(const nanobind::dict& keywords, const std::vector<cli::Option>& options);

}  // namespace bascule::python
