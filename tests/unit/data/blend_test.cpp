#include "data/blend.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/dataset.h"

namespace bascule {
namespace {

std::vector<int> parts_of(const BlendIndices& blend) {
  return {blend.parts.values().begin(), blend.parts.values().end()};
}

TEST(Blend, TakesWhatIsFurthestBehind) {
  const std::vector<double> weights = {0.25, 0.75};
  const BlendIndices blend = blend_by_weights(weights, 8);
  EXPECT_EQ(parts_of(blend), (std::vector<int>{1, 0, 1, 1, 0, 1, 1, 1}));
  EXPECT_EQ(blend.samples[7], 5);
}

TEST(Blend, PrefersTheFirstOfEquals) {
  const std::vector<double> weights = {0.5, 0.5};
  EXPECT_EQ(parts_of(blend_by_weights(weights, 4)), (std::vector<int>{0, 1, 0, 1}));
}

TEST(Blend, OfAllTakesEachSampleOnce) {
  const std::vector<int64_t> sizes = {5, 1, 3};
  const BlendIndices blend = blend_all(sizes);
  ASSERT_EQ(blend.parts.size(), 9);
  for (size_t k = 0; k < sizes.size(); ++k) {
    int64_t next = 0;
    for (int64_t i = 0; i < 9; ++i) {
      if (blend.parts[i] != static_cast<int16_t>(k)) continue;
      EXPECT_EQ(blend.samples[i], next++);
    }
    EXPECT_EQ(next, sizes[k]);
  }
}

TEST(Blend, OfNothingIsEmpty) {
  EXPECT_EQ(blend_by_weights(std::vector<double>{1.0}, 0).parts.size(), 0);
  EXPECT_EQ(blend_all({}).parts.size(), 0);
}

}  // namespace
}  // namespace bascule
