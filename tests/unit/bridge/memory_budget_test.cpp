#include "bridge/memory_budget.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "unit/base/expect_error.h"

namespace bascule {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

Options with(int64_t memory) {
  Options options;
  options.memory = memory;
  return options;
}

TEST(MemoryBudget, IsLeftToDataWhereTensorsAreFew) {
  for (const int64_t tensors : {1, 300, 8000})
    EXPECT_EQ(within_memory(with(64 * kMiB), "model", tensors).memory, 64 * kMiB) << tensors;
}

TEST(MemoryBudget, ShrinksByWhatManyTensorsTake) {
  // 37,000 tensors take 16 MiB and 1800 bytes each, of which windows leave 40 MiB free anyway.
  const int64_t left = within_memory(with(150 * kMiB), "model", 37'000).memory;
  EXPECT_EQ(left, 150 * kMiB - (16 * kMiB + 37'000 * 1800 - 40 * kMiB));
}

TEST(MemoryBudget, OfWhatTheReadmePromises) {
  EXPECT_NO_THROW(within_memory({}, "model", 75'000));
  expect_error(Kind::user,
               "model: its 79000 tensors take 152 MiB of memory, but --memory allows 150",
               [] { within_memory({}, "model", 79'000); });
}

TEST(MemoryBudget, CountsTheRowsOfAReport) {
  expect_error(Kind::user, "its 75000 tensors take 202 MiB of memory",
               [] { within_memory({}, "model", 75'000, /*rows=*/true); });
}

TEST(MemoryBudget, TooSmallIsAnErrorThatSaysWhatIsEnough) {
  expect_error(Kind::user,
               "its 37000 tensors take 80 MiB of memory, but --memory allows 64 MiB; pass "
               "--memory 80M",
               [] { within_memory(with(64 * kMiB), "model", 37'000); });
  EXPECT_NO_THROW(within_memory(with(80 * kMiB), "model", 37'000));
}

TEST(MemoryBudget, HasRoomForSoManyThreads) {
  const auto threads = [](int64_t memory, int64_t tensors) {
    Options options = with(memory * kMiB);
    options.threads = 1024;
    return within_memory(options, "model", tensors).threads;
  };
  // 2 MiB each beside 40 MiB.
  EXPECT_EQ(threads(64, 300), 12);
  EXPECT_EQ(threads(150, 300), 55);
  EXPECT_EQ(threads(4096, 300), 1024);
  // All memory goes to tensors: one thread works on what windows need at least.
  EXPECT_EQ(threads(80, 37'000), 1);
  EXPECT_EQ(within_memory({}, "model", 300).threads, Options{}.threads);
}

}  // namespace
}  // namespace bascule
