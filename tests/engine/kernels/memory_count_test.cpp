// What tensors take, and what is kept of their memory.
#include "kernels/memory_count.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace bascule {
namespace {

using at::Tensor;

constexpr int64_t kMega = int64_t{1} << 20;  // bytes

Tensor of_bytes(int64_t bytes) { return at::ones({bytes}, at::TensorOptions(at::kByte)); }

TEST(MemoryCount, KeepsLargeBlocksForTheNextOfTheirSize) {
  count_memory();
  release_kept_memory();
  const MemoryCount before = cpu_memory();
  Tensor x = of_bytes(3 * kMega);
  const void* place = x.const_data_ptr();
  EXPECT_GE(cpu_memory().live, before.live + 3 * kMega);
  x = at::Tensor();
  EXPECT_EQ(cpu_memory().live, before.live);
  EXPECT_GE(cpu_memory().kept, 3 * kMega);
  x = of_bytes(3 * kMega - 100);
  EXPECT_EQ(x.const_data_ptr(), place);
  EXPECT_EQ(cpu_memory().kept, 0);
  const Tensor smaller = of_bytes(2 * kMega);
  EXPECT_NE(smaller.const_data_ptr(), place);
  x = at::Tensor();
  release_kept_memory();
  EXPECT_EQ(cpu_memory().kept, 0);
}

TEST(MemoryCount, NeverHoldsMoreThanThePeak) {
  count_memory();
  std::vector<Tensor> held;
  for (int64_t round = 0; round < 3; ++round) {
    for (int64_t i = 1; i <= 20; ++i) {
      held.push_back(of_bytes((i * 7 % 20 + 1) * kMega / 2));
      if (i % 3 == 0) held.erase(held.begin() + i / 3);
      const MemoryCount now = cpu_memory();
      EXPECT_LE(now.live + now.kept, now.peak + 20 * 2 * 4096) << round << " " << i;  // whole pages
    }
    held.clear();
  }
  EXPECT_GT(cpu_memory().kept, 0);
  release_kept_memory();
}

}  // namespace
}  // namespace bascule
