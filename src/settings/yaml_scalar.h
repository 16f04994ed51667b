// What an unquoted YAML scalar means. Pure functions.
#pragma once

#include <string_view>

#include "settings/tree.h"

namespace bascule {

/// The value that YAML 1.1 gives a plain scalar, as PyYAML resolves it; numbers of YAML 1.2
/// ("1e-5", "0o17") count as numbers, too.
Tree plain_scalar(std::string_view text);

/// True when a reader of YAML 1.1 or 1.2 may take the plain text for something else than a string.
bool ambiguous_plain(std::string_view text);

}  // namespace bascule
