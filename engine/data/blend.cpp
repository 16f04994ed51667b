#include "data/blend.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace bascule {
namespace {

/// `most` bounds how many samples each dataset gives.
BlendIndices drawn_in_turn(std::span<const double> weights, std::span<const int64_t> most,
                           int64_t size) {
  std::vector<int16_t> parts(static_cast<size_t>(size));
  std::vector<int64_t> samples(static_cast<size_t>(size));
  std::vector<int64_t> drawn(weights.size(), 0);
  for (size_t i = 0; i < parts.size(); ++i) {
    const double position = std::max(static_cast<double>(i), 1.0);
    double furthest = std::numeric_limits<double>::lowest();
    size_t chosen = 0;
    for (size_t k = 0; k < weights.size(); ++k) {
      if (drawn[k] >= most[k]) continue;
      const double behind = weights[k] * position - static_cast<double>(drawn[k]);
      if (behind <= furthest) continue;
      furthest = behind;
      chosen = k;
    }
    parts[i] = static_cast<int16_t>(chosen);
    samples[i] = drawn[chosen]++;
  }
  return {HeldArray(std::move(parts)), HeldArray(std::move(samples))};
}

}  // namespace

BlendIndices blend_by_weights(std::span<const double> weights, int64_t size) {
  const std::vector<int64_t> unbounded(weights.size(), std::numeric_limits<int64_t>::max());
  return drawn_in_turn(weights, unbounded, size);
}

BlendIndices blend_all(std::span<const int64_t> sizes) {
  const int64_t size = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  std::vector<double> weights;
  for (const int64_t each : sizes)
    weights.push_back(static_cast<double>(each) / static_cast<double>(size));
  return drawn_in_turn(weights, sizes, size);
}

}  // namespace bascule
