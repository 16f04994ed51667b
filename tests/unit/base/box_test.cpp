#include "base/box.h"

#include <gtest/gtest.h>

#include "bascule/error.h"

namespace bascule {
namespace {

TEST(Box, CountsElements) {
  EXPECT_EQ(elements({}), 1);
  EXPECT_EQ(elements({3, 0, 5}), 0);
  EXPECT_EQ(elements({3, 4, 5}), 60);
}

TEST(Box, RefusesProductsThatWrap) {
  // The shape that wraps to 4 in 64 bits.
  EXPECT_THROW(elements({4194305, 4194305, 211106198978564}), Error);
  EXPECT_THROW(elements({2, -1}), Error);
}

TEST(Box, Strides) { EXPECT_EQ(strides({2, 3, 4}), (Shape{12, 4, 1})); }

TEST(Box, Intersects) {
  EXPECT_EQ(intersect({{0, 2}, {4, 4}}, {{1, 0}, {9, 3}}), (Box{{1, 2}, {3, 1}}));
  EXPECT_EQ(elements(intersect({{0}, {2}}, {{5}, {2}}).extent), 0);
}

}  // namespace
}  // namespace bascule
