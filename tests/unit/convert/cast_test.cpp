#include "convert/cast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bascule/error.h"

namespace bascule {
namespace {

TEST(Cast, EveryBf16AndF16SurvivesFloat) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    if (!std::isnan(bf16_to_float(bits))) {
      ASSERT_EQ(float_to_bf16(bf16_to_float(bits)), bits);
    }
    if (!std::isnan(f16_to_float(bits))) {
      ASSERT_EQ(float_to_f16(f16_to_float(bits)), bits) << i;
    }
  }
}

TEST(Cast, EverySmallFloatSurvivesFloat) {
  for (uint32_t i = 0; i < 256; ++i) {
    const auto bits = static_cast<uint8_t>(i);
    if (!std::isnan(e4m3_to_float(bits))) {
      EXPECT_EQ(float_to_e4m3(e4m3_to_float(bits)), bits) << i;
    }
    if (!std::isnan(e5m2_to_float(bits))) {
      EXPECT_EQ(float_to_e5m2(e5m2_to_float(bits)), bits) << i;
    }
    if (i < 16) {
      EXPECT_EQ(float_to_e2m1(e2m1_to_float(bits)), bits) << i;
    }
  }
}

TEST(Cast, RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(1.00390625f), 0x3F80);  // halfway between 1 and the next: even is 1
  EXPECT_EQ(float_to_bf16(1.01171875f), 0x3F82);  // halfway: even is above
  EXPECT_EQ(float_to_f16(2049.0f), 0x6800);       // halfway between 2048 and 2050
  EXPECT_EQ(float_to_f16(2051.0f), 0x6802);
  EXPECT_EQ(float_to_f16(65520.0f), 0x7C00);  // rounds to infinity
  EXPECT_EQ(float_to_f16(65519.0f), 0x7BFF);
  EXPECT_EQ(float_to_f16(std::ldexp(1.0f, -25)), 0);  // halfway to the least subnormal
  EXPECT_EQ(float_to_f16(std::ldexp(1.5f, -25)), 1);
}

TEST(Cast, KnowsTheLandmarks) {
  EXPECT_EQ(e4m3_to_float(0x7E), 448.0f);
  EXPECT_TRUE(std::isnan(e4m3_to_float(0x7F)));
  EXPECT_EQ(e4m3_to_float(0x01), std::ldexp(1.0f, -9));
  EXPECT_EQ(e5m2_to_float(0x7B), 57344.0f);
  EXPECT_TRUE(std::isinf(e5m2_to_float(0x7C)));
  EXPECT_EQ(e2m1_to_float(7), 6.0f);
  EXPECT_EQ(e2m1_to_float(9), -0.5f);
  EXPECT_EQ(float_to_e2m1(100.0f), 7);
  EXPECT_EQ(e8m0_to_float(127), 1.0f);
  EXPECT_EQ(e8m0_to_float(0), std::ldexp(1.0f, -127));
  EXPECT_EQ(bf16_to_float(0x7F80), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(NAN))));
}

TEST(Cast, ConvertsDenseElements) {
  const float values[] = {1.5f, -2.0f, 0.0f};
  std::vector<std::byte> wide(24), narrow(6);
  cast(DType::f32, std::as_bytes(std::span(values)), DType::f64, wide);
  cast(DType::f64, wide, DType::f16, narrow);
  EXPECT_EQ(element_text(DType::f16, narrow, 0), "1.5");
  EXPECT_EQ(element_text(DType::f16, narrow, 1), "-2");
}

/// What cast() says of one value.
template <class T>
int64_t too_large(DType from, T value, DType to) {
  const T values[] = {T{}, value};
  std::vector<std::byte> out(64);
  return cast(from, std::as_bytes(std::span(values)), to, out);
}

TEST(Cast, FindsWhatWouldBecomeInfinite) {
  constexpr uint16_t kTenBillion = 0x5015, kInfinity = 0x7F80, kNan = 0x7FC0;  // of bf16
  EXPECT_EQ(too_large(DType::bf16, kTenBillion, DType::f16), 1);
  EXPECT_EQ(too_large<uint16_t>(DType::bf16, kTenBillion | 0x8000, DType::f16), 1);
  EXPECT_EQ(too_large(DType::bf16, kTenBillion, DType::f32), -1);
  EXPECT_EQ(too_large(DType::f32, 65519.0f, DType::f16), -1);
  EXPECT_EQ(too_large(DType::f32, 65520.0f, DType::f16), 1);
  EXPECT_EQ(too_large(DType::f32, 3.38e38f, DType::bf16), -1);
  EXPECT_EQ(too_large(DType::f32, std::numeric_limits<float>::max(), DType::bf16), 1);
  EXPECT_EQ(too_large(DType::f64, 1e39, DType::f32), 1);
  EXPECT_EQ(too_large(DType::f64, 1e38, DType::f32), -1);
  EXPECT_EQ(too_large(DType::f32, 1000.0f, DType::f8_e4m3), 1);
  // What is no finite number before stays as it is.
  for (const uint16_t value : {kInfinity, kNan})
    for (const DType to : {DType::f16, DType::f32})
      EXPECT_EQ(too_large(DType::bf16, value, to), -1);
  EXPECT_EQ(too_large(DType::f32, INFINITY, DType::bf16), -1);
  EXPECT_EQ(too_large(DType::f32, NAN, DType::bf16), -1);
  EXPECT_EQ(too_large(DType::f64, -double{INFINITY}, DType::f16), -1);
}

TEST(Cast, RefusesWhatHasNoMeaning) {
  std::vector<std::byte> a(8), b(8);
  EXPECT_FALSE(can_cast(DType::i64, DType::f32));
  EXPECT_THROW(cast(DType::i64, a, DType::f64, b), Error);
}

}  // namespace
}  // namespace bascule
