// "key=value" as people type it. Pure functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settings/tree.h"

namespace bascule {

struct Override {
  std::string key, value;
};

/// Takes "optimizer.lr=1e-3" apart. Throws Error{user} where there is no "=", or no key.
Override parse_override(std::string_view text);

/// Splits as a shell does: at white space, with '...' and "..." kept whole. Throws Error{user} on a
/// quote without an end.
std::vector<std::string> split_words(std::string_view text);

/// Gives `take` what a value may mean, likeliest first, until it accepts one: YAML (a number, a
/// list, null), or the text itself. False where it accepts none.
bool take_value(const std::string& value, const std::function<bool(const Tree&)>& take);

}  // namespace bascule
