#include "model/run.h"

#include <gtest/gtest.h>

namespace bascule {
namespace {

TEST(Run, FoldsEqualSteps) {
  EXPECT_EQ(folded({{0, 0, 2}, {2, 5, 2}, {4, 10, 2}}), (Runs{{0, 0, 2, 3, 2, 5}}));
  EXPECT_EQ(folded({{0, 0, 2}, {2, 2, 3}}), (Runs{{0, 0, 5}}));
  EXPECT_EQ(folded({{0, 0, 2}, {2, 5, 2}, {4, 11, 2}}).size(), 2u);
}

TEST(Run, ClipsWithoutMoving) {
  const Runs rows = {{0, 0, 1, 8, 1, 2}};  // every second index
  EXPECT_EQ(indices(rows), 8);
  EXPECT_EQ(clipped_to(rows, 4, 9), (Runs{{2, 4, 1, 3, 1, 2}}));
  EXPECT_EQ(clipped_from(rows, 6, 8), (Runs{{6, 12, 1, 2, 1, 2}}));
  EXPECT_TRUE(clipped_to(rows, 16, 20).empty());
}

TEST(Run, JoinsOverTheSharedSide) {
  const Runs grouped = {{0, 0, 3, 2, 3, 5}};  // two groups of three, five apart
  const Runs halves = {{0, 100, 2}, {2, 50, 4}};
  const Runs both = joined(grouped, halves);
  EXPECT_EQ(indices(both), 6);
  EXPECT_EQ(unfolded(both), (Runs{{2, 50, 1}, {5, 51, 3}, {0, 100, 2}}));
}

TEST(Run, ReversesAndMoves) {
  EXPECT_EQ(reversed(Runs{{1, 7, 2, 3, 4, 9}}), (Runs{{7, 1, 2, 3, 9, 4}}));
  EXPECT_EQ(moved({{1, 7, 2}}, -5), (Runs{{1, 2, 2}}));
}

}  // namespace
}  // namespace bascule
