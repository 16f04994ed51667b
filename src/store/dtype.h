// Element types, with their names in safetensors and in torch.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/box.h"

namespace bascule {

/// Every dtype of the safetensors format.
enum class DType : uint8_t {
  boolean,
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
  f16,
  bf16,
  f32,
  f64,
  c64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
};

int bits(DType);
std::string_view safetensors_name(DType);  // "BF16"
std::string_view torch_name(DType);        // "bfloat16"
/// The inverse; each throws Error{format} naming the unknown text.
DType dtype_from_safetensors(std::string_view);
DType dtype_from_torch(std::string_view);

/// Bytes that `count` elements take. Throws Error{format} on overflow or if they do not fill whole
/// bytes.
int64_t bytes(DType, int64_t count);

}  // namespace bascule
