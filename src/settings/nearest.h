// "Did you mean": the nearest of some names. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bascule {

/// Insertions, deletions, substitutions and swaps of neighbours that make one text the other.
size_t edit_distance(std::string_view a, std::string_view b);

/// The name nearest to `text`, ignoring case; empty when none is near enough to be meant.
std::string nearest(std::string_view text, const std::vector<std::string>& names);

/// "; did you mean NAME?", or nothing.
std::string did_you_mean(std::string_view text, const std::vector<std::string>& names);

}  // namespace bascule
