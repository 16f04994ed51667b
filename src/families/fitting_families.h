// Which families a model can be of, where the settings alone do not name one. Pure.
#pragma once

#include <string>
#include <vector>

#include "families/family.h"

namespace bascule {

/// The names, sorted, of those among `families` whose config.json can say what the model is. Those
/// that are only planned are left out.
std::vector<std::string> families_that_fit(const Arch& arch,
                                           const std::vector<const Family*>& families);

}  // namespace bascule
