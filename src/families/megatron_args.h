// The arguments that plain Megatron-LM trains by, and keeps in a checkpoint's common state: read as
// the settings that run_config.yaml would have. Pure functions of values.
#pragma once

#include <string>

#include "families/run_config.h"

namespace bascule {

/// Reads the attributes of the `args` in `file`. Throws Error{format} when they are malformed and
/// Error{unsupported} on an argument or a combination that is not known, naming the argument as
/// Megatron-LM does.
RunConfig read_megatron_args(const Tree& args, const std::string& file);

}  // namespace bascule
