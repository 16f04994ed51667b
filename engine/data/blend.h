// Which dataset of a blend, and which of its samples, each sample of the blend is. Pure functions.
#pragma once

#include <span>
#include <vector>

#include "data/held_array.h"

namespace bascule {

struct BlendIndices {
  HeldArray<int16_t> parts;
  HeldArray<int64_t> samples;
};

constexpr int64_t kMostParts = 32766;  // Megatron's

/// Draws `size` samples: each time from the dataset that is furthest behind its weight, the first
/// of equals. The weights sum to 1.
BlendIndices blend_by_weights(std::span<const double> weights, int64_t size);

/// Draws every sample of every dataset once, evenly mixed.
BlendIndices blend_all(std::span<const int64_t> sizes);

}  // namespace bascule
