#include "kernels/rope.h"

#include <cmath>

#include "bascule/error.h"
#include "engine/by_autograd.h"

namespace bascule {
namespace {

using at::Tensor;

const Tensor kPlaces = at::arange(40, at::TensorOptions(at::kLong));

TEST(Rope, TurnsPairsByTheAngleOfTheirPlace) {
  const Rope rope{.theta = 100, .percent = 0.5};
  const RopeTable table = rope_table(rope, rope.theta, 16, kPlaces, at::kDouble);
  ASSERT_EQ(table.cosines.sizes(), (std::vector<int64_t>{40, 4}));
  const Tensor x = random_tensor({40, 3, 16}, 1), y = rope_forward(x, table);
  for (const int64_t place : {0, 1, 39})
    for (int64_t pair = 0; pair < 4; ++pair) {
      const double angle =
          static_cast<double>(place) * std::pow(100.0, -static_cast<double>(pair) / 4);
      const double a = x[place][2][pair].item<double>(), b = x[place][2][pair + 4].item<double>();
      EXPECT_NEAR(y[place][2][pair].item<double>(), a * std::cos(angle) - b * std::sin(angle),
                  1e-12);
      EXPECT_NEAR(y[place][2][pair + 4].item<double>(), b * std::cos(angle) + a * std::sin(angle),
                  1e-12);
    }
  EXPECT_TRUE(at::equal(y.narrow(2, 8, 8), x.narrow(2, 8, 8)));  // what does not turn passes
}

TEST(Rope, TurnsGradientsBack) {
  const RopeTable table = rope_table({}, 10000, 8, kPlaces, at::kDouble);
  const Tensor x = random_tensor({40, 2, 8}, 1);
  expect_close(rope_backward(rope_forward(x, table), table), x);
  const ByAutograd expected = by_autograd(
      {x}, x, [&](const std::vector<Tensor>& in) { return rope_forward(in[0], table); });
  expect_close(rope_backward(x, table), expected.gradients[0]);
}

TEST(Rope, StretchesLinearly) {
  Rope rope;
  rope.scaling = RopeScaling{.kind = RopeScaling::Kind::linear, .factor = 4};
  const RopeTable stretched = rope_table(rope, 10000, 8, kPlaces * 4, at::kDouble);
  const RopeTable plain = rope_table({}, 10000, 8, kPlaces, at::kDouble);
  expect_close(stretched.sines, plain.sines);
}

// Short wavelengths are kept, long ones are divided by the factor.
TEST(Rope, StretchesLlama3ByWavelength) {
  Rope rope{.theta = 500000};
  rope.scaling = RopeScaling{.kind = RopeScaling::Kind::llama3,
                             .factor = 8,
                             .original_length = 8192,
                             .low_freq_factor = 1,
                             .high_freq_factor = 4};
  const Tensor one = at::ones({1}, at::TensorOptions(at::kLong));
  const Tensor got = rope_table(rope, rope.theta, 128, one, at::kDouble).sines.asin();
  const auto plain = [](int64_t i) { return std::pow(500000.0, -static_cast<double>(i) / 64); };
  EXPECT_NEAR(got[0][10].item<double>(), plain(10), 1e-15);
  EXPECT_NEAR(got[0][63].item<double>(), plain(63) / 8, 1e-15);
  EXPECT_LT(got[0][32].item<double>(), plain(32));  // between the two
  EXPECT_GT(got[0][32].item<double>(), plain(32) / 8);
}

TEST(Rope, RefusesWhatItDoesNotKnow) {
  Rope rope;
  rope.scaling = RopeScaling{.kind = RopeScaling::Kind::longrope};
  EXPECT_THROW(rope_table(rope, 10000, 8, kPlaces, at::kFloat), Error);
}

}  // namespace
}  // namespace bascule
