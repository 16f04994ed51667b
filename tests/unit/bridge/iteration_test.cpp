// Which iteration of a Megatron root is meant.
#include <gtest/gtest.h>

#include "bridge/opened.h"
#include "unit/base/temporary_directory.h"

namespace bascule {
namespace {

TEST(Iteration, TheNewestOfARootWithoutTrackerIsTheOneOfTheHighestNumber) {
  const TemporaryDirectory root;
  for (const char* name : {"iter_9", "iter_10", "iter_0000002", "iter_old", "other"})
    std::filesystem::create_directory(root / name);
  EXPECT_EQ(iteration_directory(root.path()), root / "iter_10");
  std::filesystem::create_directory(root / "iter_10000000");
  EXPECT_EQ(iteration_directory(root.path()), root / "iter_10000000");
  std::filesystem::create_directory(root / "release");
  EXPECT_EQ(iteration_directory(root.path()), root / "release");
}

}  // namespace
}  // namespace bascule
