#include "kernels/masters.h"

#include <cmath>

#include "engine/by_autograd.h"
#include "kernels/adamw.h"

namespace bascule {
namespace {

using at::Tensor;

struct Kept {
  explicit Kept(const Tensor& masters)
      : parameters(at::empty(masters.sizes(), at::kBFloat16)),
        remainders(at::empty(masters.sizes(), at::kShort)) {
    keep_masters(masters, parameters, remainders);
  }
  Tensor masters() const { return masters_of(parameters, remainders); }

  Tensor parameters, remainders;
};

/// Every upper half with lower ones about those at which rounding turns.
Tensor all_kinds_of_floats() {
  const Tensor upper = at::arange(-32768, 32768, at::TensorOptions(at::kInt)).view({-1, 1});
  const Tensor lower = at::tensor({0, 1, 0x1234, 0x7fff, 0x8000, 0x8001, 0xffff}, at::kInt);
  return upper.bitwise_left_shift(16).add(lower).view(at::kFloat);
}

TEST(Masters, ComeBackToTheBit) {
  const Tensor all = all_kinds_of_floats(), numbers = all.masked_select(all.isnan().logical_not());
  EXPECT_TRUE(at::equal(Kept(numbers).masters().view(at::kInt), numbers.view(at::kInt)));
  EXPECT_TRUE(Kept(all.masked_select(all.isnan())).parameters.isnan().all().item<bool>());
}

TEST(Masters, RoundToTheNearestParameter) {
  const Tensor all = all_kinds_of_floats(), numbers = all.masked_select(all.isnan().logical_not());
  const Tensor tie = numbers.view(at::kInt).bitwise_and(0xffff).eq(0x8000);
  const Tensor kept = Kept(numbers).parameters, even = numbers.to(at::kBFloat16);
  EXPECT_TRUE(kept.eq(even).logical_or(tie).all().item<bool>());
  EXPECT_TRUE(kept.abs().ge(numbers.abs()).masked_select(tie).all().item<bool>());
}

TEST(Masters, FollowParametersThatAnotherHandSets) {
  const Tensor masters = random_tensor({1000}, 1).to(at::kFloat);
  const Kept kept(masters);
  for (const double value : {0.0, -0.0, 1.0, -3.5}) {
    kept.parameters.fill_(value);
    const Tensor moved = kept.masters();
    EXPECT_TRUE(moved.sub(value).abs().le(std::abs(value) * 0x1p-8 + 0x1p-133).all().item<bool>());
    EXPECT_TRUE(at::equal(Kept(moved).parameters, kept.parameters)) << value;
  }
}

TEST(Masters, AreUpdatedAsParametersOfFp32) {
  const int64_t count = 600'001;  // several parts, and not whole vectors
  const auto random = [&](int seed) { return random_tensor({count}, seed).to(at::kFloat); };
  const Tensor masters = random(1), gradients = random(2);
  const Tensor first = random(3), second = random(4).square();
  const Kept kept(masters);
  const AdamW rule{.lr = 0.01, .weight_decay = 0.3, .step = 3, .gradient_scale = 0.5};
  adamw(kept.parameters, kept.remainders, gradients, first.clone(), second.clone(), rule);
  adamw(masters, gradients, first, second, rule);
  EXPECT_TRUE(at::equal(kept.masters(), masters));
}

}  // namespace
}  // namespace bascule
