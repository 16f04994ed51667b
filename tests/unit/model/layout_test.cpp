#include "model/layout.h"

#include <gtest/gtest.h>

#include <set>

#include "bascule/error.h"

namespace bascule {
namespace {

Slots toy() {
  Slots slots;
  slots.add({.id = "q", .shape = {12, 8}, .split = 0, .group = Group::tensor});
  slots.add({.id = "k", .shape = {4, 8}, .split = 0, .group = Group::tensor});
  slots.add({.id = "v", .shape = {4, 8}, .split = 0, .group = Group::tensor});
  slots.add({.id = "o", .shape = {8, 12}, .split = 1, .group = Group::tensor});
  slots.add({.id = "gate", .shape = {6, 8}, .split = 0, .group = Group::tensor});
  slots.add({.id = "up", .shape = {6, 8}, .split = 0, .group = Group::tensor});
  slots.add({.id = "embed", .shape = {13, 8}, .split = 0, .group = Group::tensor});
  slots.add({.id = "conv", .shape = {6, 1, 4}, .split = 0, .group = Group::tensor});
  return slots;
}

/// For each stored row: which slot's row lies there.
std::vector<std::string> rows(const Packed& packed) {
  std::vector<std::string> all(static_cast<size_t>(packed.shape[0]), "-");
  for (const Piece& piece : packed.pieces)
    for (const Run& run : unfolded(piece.dims[0].runs))
      for (int64_t i = 0; i < run.length; ++i)
        all[static_cast<size_t>(run.to + i)] = piece.slot + std::to_string(run.from + i);
  return all;
}

TEST(Layout, InterleavesGroupsOfQueriesWithTheirKeyAndValue) {
  const Packed packed = interleave(2, {"q", "k", "v"}).pack(toy());
  EXPECT_EQ(packed.shape, (Shape{20, 8}));
  EXPECT_EQ(packed.padding(), 0);
  EXPECT_EQ(rows(packed), (std::vector<std::string>{"q0",  "q1",  "q2", "q3", "q4", "q5", "k0",
                                                    "k1",  "v0",  "v1", "q6", "q7", "q8", "q9",
                                                    "q10", "q11", "k2", "k3", "v2", "v3"}));
}

TEST(Layout, FusedHalvesAreCutThenPacked) {
  const Packed packed = fuse({"gate", "up"}).pack(toy(), {.tensor = {1, 2}});
  EXPECT_EQ(rows(packed),
            (std::vector<std::string>{"gate3", "gate4", "gate5", "up3", "up4", "up5"}));
}

TEST(Layout, GroupsArePackedThenCut) {
  // More ranks than groups: the cut runs through a group.
  const Packed packed = interleave(2, {"q", "k", "v"}).pack(toy(), {.tensor = {1, 4}});
  EXPECT_EQ(rows(packed), (std::vector<std::string>{"q5", "k0", "k1", "v0", "v1"}));
}

TEST(Layout, ColumnsAreCut) {
  const Packed packed = Layout("o").pack(toy(), {.tensor = {2, 3}});
  EXPECT_EQ(packed.shape, (Shape{8, 4}));
  EXPECT_EQ(packed.pieces[0].dims[1].runs, (Runs{{8, 0, 4}}));
}

TEST(Layout, PadsRowsAndCutsThePadding) {
  const Packed whole = pad_rows(8, "embed").pack(toy());
  EXPECT_EQ(whole.shape, (Shape{16, 8}));
  EXPECT_EQ(whole.padding(), 24);
  const Packed last = pad_rows(8, "embed").pack(toy(), {.tensor = {3, 4}});
  EXPECT_EQ(rows(last), (std::vector<std::string>{"embed12", "-", "-", "-"}));
}

TEST(Layout, StacksWithALeadingAxis) {
  Slots slots;
  for (const char* id : {"l.0.w", "l.1.w", "l.2.w"}) slots.add({.id = id, .shape = {4, 5}});
  const Packed packed = stack("L", 3, "l.{L}.w").pack(slots);
  EXPECT_EQ(packed.shape, (Shape{3, 4, 5}));
  EXPECT_EQ(packed.pieces[2].at, (Shape{2, 0, 0}));
  EXPECT_EQ(packed.pieces[2].dims[0].stored, 1);
  EXPECT_EQ(stack("L", 3, stack("E", 2, "x")).stacks(), (Shape{3, 2}));
}

TEST(Layout, TurnsTheLastTwoDimensions) {
  const Packed packed = turned("o").pack(toy());
  EXPECT_EQ(packed.shape, (Shape{12, 8}));
  EXPECT_EQ(packed.pieces[0].dims[0].stored, 1);
  EXPECT_EQ(packed.pieces[0].dims[1].stored, 0);
}

TEST(Layout, RowwiseInterleaveIsOneRun) {
  const Packed packed = interleave(6, {"gate", "up"}).pack(toy());
  EXPECT_EQ(packed.pieces[0].dims[0].runs, (Runs{{0, 0, 1, 6, 1, 2}}));
  EXPECT_EQ(packed.pieces[1].dims[0].runs, (Runs{{0, 1, 1, 6, 1, 2}}));
}

TEST(Layout, HoldsMoreThanTwoDimensions) {
  const Packed packed = Layout("conv").pack(toy(), {.tensor = {1, 3}});
  EXPECT_EQ(packed.shape, (Shape{2, 1, 4}));
  EXPECT_EQ(packed.pieces[0].elements(), 8);
}

TEST(Layout, RefusesWhatDoesNotFit) {
  EXPECT_THROW(Layout("nothing").pack(toy()), Error);
  EXPECT_THROW(Layout("q").pack(toy(), {.tensor = {0, 5}}), Error);
  EXPECT_THROW(interleave(5, {"q", "k", "v"}).pack(toy()), Error);
  EXPECT_THROW(fuse({"q", "o"}).pack(toy()), Error);
}

TEST(Layout, SpellsItself) {
  EXPECT_EQ(pad_rows(8, interleave(2, {"q", turned("o")})).str(),
            "pad(8: interleave(2: q, turned(o)))");
}

}  // namespace
}  // namespace bascule
