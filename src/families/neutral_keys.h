// The keys of config.json that no model's mathematics depends on.
#pragma once

#include "settings/config_io.h"

namespace bascule {

/// Marks as read what cannot change the computation, and refuses, with Error{unsupported}, what
/// would unless it has its neutral value.
void neutral_keys(ConfigIo& io);

}  // namespace bascule
