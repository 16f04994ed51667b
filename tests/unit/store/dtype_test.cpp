#include "store/dtype.h"

#include <gtest/gtest.h>

#include "bascule/error.h"

namespace bascule {
namespace {

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(dtype_from_safetensors("BF16"), DType::bf16);
  EXPECT_EQ(dtype_from_torch("float8_e4m3fn"), DType::f8_e4m3);
  EXPECT_EQ(torch_name(DType::i64), "int64");
  EXPECT_EQ(bits(DType::f4), 4);
  EXPECT_EQ(bytes(DType::f6_e2m3, 4), 3);
}

TEST(DType, RefusesWhatIsNone) {
  EXPECT_THROW(dtype_from_safetensors("bf16"), Error);
  EXPECT_THROW(dtype_from_torch(""), Error);
  EXPECT_THROW(bytes(DType::f4, 3), Error);
  EXPECT_THROW(bytes(DType::f64, int64_t{1} << 60), Error);
}

}  // namespace
}  // namespace bascule
