#include "nn/arena_source.h"

#include <cstring>

#include "engine/by_autograd.h"
#include "kernels/masters.h"

namespace bascule {
namespace {

TEST(ArenaSource, ReadsMastersOfParametersAndRemainders) {
  const at::Tensor masters = random_tensor({6, 10}, 1).to(at::kFloat);
  const at::Tensor parameters = at::empty({6, 10}, at::kBFloat16);
  const at::Tensor remainders = at::empty({6, 10}, at::kShort);
  keep_masters(masters, parameters, remainders);
  const ArenaSource source({{"w", parameters, remainders}});
  EXPECT_EQ(source.tensors()[0].dtype, DType::f32);
  std::vector<std::byte> bytes(3 * 4 * sizeof(float));
  source.read(0, {.at = {2, 5}, .extent = {3, 4}}, bytes);
  const at::Tensor box = masters.narrow(0, 2, 3).narrow(1, 5, 4).contiguous();
  EXPECT_EQ(std::memcmp(bytes.data(), box.const_data_ptr(), bytes.size()), 0);
}

}  // namespace
}  // namespace bascule
