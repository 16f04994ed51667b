// numpy's sum of float64 values, whose order of additions decides the last bit of weights.
#pragma once

#include <span>
#include <vector>

namespace bascule {

/// Adds as numpy does: up to 7 values one after the other; up to 128 in eight lanes; more by
/// halves.
double numpy_sum(std::span<const double> values);

/// Returns the values divided by their sum.
std::vector<double> normalized(std::span<const double> values);

}  // namespace bascule
